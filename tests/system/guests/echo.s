# SPDX-License-Identifier: GPL-2.0-or-later
#
# A boot sector, the smallest guest: it says who it is on its first serial
# port (COM1), gives back what comes in there, and halts in between; at the
# byte Ctrl-R it reboots, at Ctrl-P it powers off. A BIOS with nothing to boot
# would start again after a minute.
    .code16
    .globl _start
_start:
    cli
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %ss
    movw $0x7c00, %sp
    movw $handler, 4 * 0x0c         # IRQ 4
    movw %ax, 4 * 0x0c + 2

    movw $0x3fa, %dx                # FIFO on
    movb $1, %al
    outb %al, %dx
    movw $0x3fc, %dx                # OUT2: interrupts pass
    movb $0x0b, %al
    outb %al, %dx
    movw $0x3f9, %dx                # at each byte that comes in
    movb $1, %al
    outb %al, %dx
    movb $0xef, %al                 # and no others, for these are a BIOS's
    outb %al, $0x21                 # business (docs/testing.md)
    movb $0xff, %al
    outb %al, $0xa1

    movw $greeting, %si
greet:
    movw $0x3fd, %dx                # until there is room
    inb %dx, %al
    testb $0x20, %al
    jz greet
    lodsb
    testb %al, %al
    jz idle
    movw $0x3f8, %dx
    outb %al, %dx
    jmp greet

idle:
    sti
    hlt
    jmp idle

handler:
    pushw %ax
    pushw %dx
more:
    movw $0x3fd, %dx
    inb %dx, %al
    cmpb $0xff, %al                 # there is no such port
    je done
    testb $1, %al
    jz done
    movw $0x3f8, %dx
    inb %dx, %al
    outb %al, %dx
    cmpb $'R' - 0x40, %al
    je reboot
    cmpb $'P' - 0x40, %al
    jne more
    movw $0xb004, %dx               # by ACPI's PM1a control, where hvmloader
    movw $0x2000, %ax               # puts it
    outw %ax, %dx
    jmp more
reboot:
    movb $0xfe, %al                 # by the keyboard controller
    outb %al, $0x64
    jmp more
done:
    movb $0x20, %al
    outb %al, $0x20
    popw %dx
    popw %ax
    iretw

greeting:
    .asciz "the guest has booted\r\n"
    .org 510
    .word 0xaa55
