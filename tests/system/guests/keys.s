# SPDX-License-Identifier: GPL-2.0-or-later
#
# A boot sector that shows what is typed, by the BIOS; at = in 1024 x 768. It
# has no interrupts, which the emulated processor would now and then lose its
# way in (docs/testing.md): it looks for a key, and calls the BIOS' handler.
    .code16
    .globl _start
_start:
    cli
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %ss
    movw $0x7c00, %sp
    movb $0xff, %al                 # nor has the BIOS any
    outb %al, $0x21
    outb %al, $0xa1

key:
    movl $20000, %ecx               # each look is a question to QEMU
rest:
    decl %ecx
    jnz rest
    inb $0x64, %al
    testb $1, %al
    jz key
    int $0x09                       # takes the scan code
    movb $1, %ah                    # has it become a key?
    int $0x16
    jz key
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
