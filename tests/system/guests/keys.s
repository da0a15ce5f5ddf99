# SPDX-License-Identifier: GPL-2.0-or-later
#
# A boot sector that shows what is typed, by the BIOS; at = in 1024 x 768. It
# sleeps until a key comes, and only then has an interrupt: in the midst of the
# BIOS the emulated processor would now and then lose its way in one
# (docs/testing.md).
    .code16
    .globl _start
_start:
    cli
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %ss
    movw $0x7c00, %sp
    movb $0xff, %al
    outb %al, $0xa1
    movw $7, %bx
    movw $0x0e00 + '>', %ax         # it is there
    int $0x10
    jmp key

sleep:
    movb $0xfd, %al                 # the keyboard's alone
    outb %al, $0x21
    sti
    hlt
    cli
    movb $0xff, %al
    outb %al, $0x21
key:
    movb $1, %ah                    # has it become one?
    int $0x16
    jz sleep
    xorb %ah, %ah
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
