# SPDX-License-Identifier: GPL-2.0-or-later
#
# A boot sector that counts on its first serial port (COM1), one number a
# line: what is lost or comes twice on the way is seen. Ten of them as fast as
# the port takes them, then it sleeps until the clock ticks (18.2 Hz), and
# leaves the processor to others: with libxl's "cap" for that, a guest that the
# emulated processor has failed would not be told from one that is late
# (docs/testing.md). Interrupts come only while it sleeps, as in keys.s.
    .code16
    .globl _start
_start:
    cli
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %ss
    movw $0x7c00, %sp
    movw $awake, 0x20               # interrupt 0, the clock's
    movw %ax, 0x22
    movb $0xff, %al
    outb %al, $0xa1
    outb %al, $0x21

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
    cmpw $last - 1, %si             # ten of them?
    jne digit
    movb $0xfe, %al
    outb %al, $0x21
    sti
    hlt
    cli
    movb $0xff, %al
    outb %al, $0x21
    jmp digit

awake:
    pushw %ax
    movb $0x20, %al                 # end of interrupt
    outb %al, $0x20
    popw %ax
    iretw

number:
    .ascii "0000000"
last:
    .asciz "0\r\n"
    .org 510
    .word 0xaa55
