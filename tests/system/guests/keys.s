# SPDX-License-Identifier: GPL-2.0-or-later
#
# A boot sector that shows what is typed, by the BIOS; at = in 1024 x 768. By
# itself, and not for scenarios that pass or fail: it lives on interrupts in
# real mode, and the emulated processor (SVM of QEMU's TCG) now and then comes
# back from one to nowhere, and Xen says "MMIO emulation failed" for ever.
    .code16
    .globl _start
_start:
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %ss
    movw $0x7c00, %sp
    sti

key:
    xorb %ah, %ah                   # the next, whenever it comes
    int $0x16
    cmpb $'=', %al
    je graphics
    movb $0x0e, %ah                 # as a teletype
    movw $7, %bx
    int $0x10
    jmp key

graphics:
    movw $0x4f02, %ax               # VBE
    movw $0x105, %bx
    int $0x10
    jmp key

    .org 510
    .word 0xaa55
