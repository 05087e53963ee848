/* Second stage of the start, the first 256 bytes of the flash: the boot ROM copies it into RAM, checks its CRC-32 (in the last four bytes,
 * written by firmware/panel/image.py) and runs it. It lets code be read in place from any serial flash that knows the command 03h (read,
 * 24-bit address, one bit at a time), then goes to the vector table behind it.
 * Source: RP2040 datasheet, 2.8.1 (boot sequence) and 4.10 (SSI registers).
 */
    .syntax unified
    .cpu cortex-m0plus
    .thumb
    .section .boot2, "ax"
    .global boot2
    .thumb_func
boot2:
    ldr r3, =0x18000000         /* SSI */
    movs r1, #0
    str r1, [r3, #0x08]         /* SSIENR: off while it is set up */
    movs r1, #4
    str r1, [r3, #0x14]         /* BAUDR: a quarter of the system clock */
    ldr r1, =0x001F0300         /* CTRLR0: 32-bit data frames, EEPROM read */
    str r1, [r3, #0x00]
    movs r1, #0
    str r1, [r3, #0x04]         /* CTRLR1: one data frame per access */
    ldr r1, =0x03000218         /* SPI_CTRLR0: command 03h of 8 bits, then 24 bits of address */
    ldr r2, =0x180000F4
    str r1, [r2]
    movs r1, #1
    str r1, [r3, #0x08]         /* SSIENR: on */
    ldr r0, =0x10000100         /* vector table */
    ldr r1, =0xE000ED08         /* VTOR */
    str r0, [r1]
    ldmia r0!, {r1, r2}
    msr msp, r1
    bx r2
    .ltorg
