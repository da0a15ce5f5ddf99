# SPDX-License-Identifier: GPL-2.0-or-later
#
# A boot sector that shows what is typed; at = in 1024 x 768. It reads the
# keyboard's controller by itself, and lets interrupts in only while it sleeps,
# with handlers that do nothing: in the midst of a BIOS the emulated processor
# now and then loses its way in one, for it forgets that none may come between
# two instructions (docs/testing.md). For the same reason a clock ticks, too:
# an interrupt that came before the processor slept doesn't wake it.
    .code16
    .globl _start
_start:
    cli
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %ss
    movw $0x7c00, %sp
    movw $awake, 0x20               # interrupts 0, the clock's,
    movw %ax, 0x22
    movw $awake, 0x24               # and 1, the keyboard's
    movw %ax, 0x26
    movb $0xff, %al
    outb %al, $0x21
    outb %al, $0xa1
    movb $'>', %al                  # it is there
    call show

key:
    inb $0x64, %al
    cmpb $0xff, %al                 # there is no such port while QEMU stands
    je sleep
    testb $1, %al                   # is there a byte?
    jz sleep
    testb $0x20, %al                # a mouse's?
    inb $0x60, %al
    jnz key
    cmpb $codes_end - codes, %al    # a key that is let go, or none of these
    jae key
    movw $codes, %bx
    xlatb
    cmpb $'=', %al
    je graphics
    call show
    jmp key

sleep:
    movb $0xfc, %al
    outb %al, $0x21
    sti
    hlt
    cli
    movb $0xff, %al
    outb %al, $0x21
    jmp key

awake:
    pushw %ax
    movb $0x20, %al                 # end of interrupt
    outb %al, $0x20
    popw %ax
    iret

graphics:
    movw $0x4f02, %ax               # VBE
    movw $0x105, %bx
    int $0x10
    jmp key

show:
    movb $0x0e, %ah                 # as a teletype
    movw $7, %bx
    int $0x10
    ret

codes:                              # of scan code set 1
    .ascii "  1234567890-=  qwertyuiop[]  asdfghjkl;'` \\zxcvbnm,./ *  "
codes_end:

    .org 510
    .word 0xaa55
