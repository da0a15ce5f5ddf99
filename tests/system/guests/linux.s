# SPDX-License-Identifier: GPL-2.0-or-later
#
# A boot sector that starts a Linux which lies in memory already, unpacked, as
# QEMU's "loader" devices have put it there: no byte of it goes through a port,
# nothing has to be unpacked, and next to nothing runs as 16-bit code
# (docs/testing.md). What Linux wants of who starts it at its 64-bit entry is in
# its Documentation/arch/x86/boot.rst, the fields of boot_params in zero-page.rst.
# From the linker: "entry", and where "initrd" lies with "initrd_size" bytes, and
# the command line, "options".

boot_params = 0x10000                   # a page, and three of page tables
pml4 = boot_params + 0x1000
pdpt = boot_params + 0x2000
pd = boot_params + 0x3000

    .code16
    .globl _start
_start:
    cli
    cld
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %ss
    movw $0x7c00, %sp
    movw $boot_params >> 4, %ax
    movw %ax, %es
    xorl %eax, %eax
    xorw %di, %di
    movw $0x1000, %cx
    rep stosl

    xorl %ebx, %ebx                 # the memory map, of the BIOS
    movw $0x2d0, %di
range:
    movl $0xe820, %eax
    movl $20, %ecx
    movl $0x534d4150, %edx
    int $0x15
    jc filled
    addw $20, %di
    incb %es:0x1e8
    testl %ebx, %ebx
    jnz range
filled:
    movl $0x50030000, %es:0x04      # the screen: text, mode 3, 80 columns
    movw $0x0119, %es:0x0e          # by 25, of a VGA
    movb $16, %es:0x10
    movw $0xaa55, %es:0x1fe
    movl $0x53726448, %es:0x202     # "HdrS"
    movw $0x20f, %es:0x206
    movw $0x01ff, %es:0x210         # a loader without a number
    movl $initrd, %es:0x218
    movl $initrd_size, %es:0x21c
    movl $options, %es:0x228

    movl $pdpt + 3, %es:pml4 - boot_params
    movl $pd + 3, %es:pdpt - boot_params
    movw $pd - boot_params, %di     # 1 GiB, each page where it is
    movl $0x83, %eax
    movw $512, %cx
page:
    movl %eax, %es:(%di)
    addl $0x200000, %eax
    addw $8, %di
    loop page

    lgdt gdt_pointer
    movl $0x20, %eax                # PAE
    movl %eax, %cr4
    movl $pml4, %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx          # EFER.LME
    rdmsr
    orl $0x100, %eax
    wrmsr
    movl %cr0, %eax
    orl $0x80000001, %eax           # PG, PE
    movl %eax, %cr0
    ljmp $0x10, $long

    .code64
long:
    movl $0x18, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl $boot_params, %esi
    movl $entry, %eax
    jmp *%rax

gdt:                                    # Linux' __BOOT_CS and __BOOT_DS
    .quad 0, 0, 0x00af9a000000ffff, 0x00cf92000000ffff
gdt_pointer:
    .word gdt_pointer - gdt - 1
    .long gdt
    .org 510
    .word 0xaa55
