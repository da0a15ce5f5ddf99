# SPDX-License-Identifier: GPL-2.0-or-later
#
# A boot sector that counts on its first serial port (COM1), one number a
# line, as fast as the port takes them: what is lost or comes twice on the
# way is seen.
    .code16
    .globl _start
_start:
    cli
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %ss
    movw $0x7c00, %sp

line:
    movw $number, %si
next:
    movw $0x3fd, %dx                # until there is room
    inb %dx, %al
    testb $0x20, %al
    jz next
    lodsb
    testb %al, %al
    jz count
    movw $0x3f8, %dx
    outb %al, %dx
    jmp next

count:
    movw $last, %si
digit:
    incb (%si)
    cmpb $'9' + 1, (%si)
    jne line
    movb $'0', (%si)
    decw %si
    jmp digit

number:
    .ascii "0000000"
last:
    .asciz "0\r\n"
    .org 510
    .word 0xaa55
