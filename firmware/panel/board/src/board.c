#include "board.h"

/* Addresses and bits: RP2040 datasheet, chapters 2 and 4. Writing at +0x2000 sets bits, at +0x3000 clears them. */
#define REGISTER(address) (*(volatile uint32_t *)(address))
#define SET(address) REGISTER((address) + 0x2000u)
#define CLEAR(address) REGISTER((address) + 0x3000u)

#define CLOCKS 0x40008000u
#define CLK_REF_CTRL (CLOCKS + 0x30u)
#define CLK_REF_SELECTED (CLOCKS + 0x38u)
#define CLK_SYS_CTRL (CLOCKS + 0x3Cu)
#define CLK_SYS_SELECTED (CLOCKS + 0x44u)
#define CLK_PERI_CTRL (CLOCKS + 0x48u)
#define CLK_REF_FROM_XOSC 2u
#define CLK_SYS_FROM_REF 0u
#define CLK_PERI_ENABLE (1u << 11)

#define RESETS 0x4000C000u
#define RESET_DONE (RESETS + 0x8u)
#define RESET_IO_BANK0 (1u << 5)
#define RESET_PADS_BANK0 (1u << 8)
#define RESET_TIMER (1u << 21)
#define RESET_UART0 (1u << 22)

#define PSM_WDSEL (0x40010000u + 0x8u)
#define PSM_ALL_BUT_OSCILLATORS 0x1FFFCu

#define PIN_CTRL(pin) (0x40014000u + 8u * (pin) + 4u)
#define PIN_UART 2u
#define PIN_SIO 5u
#define PAD(pin) (0x4001C000u + 4u + 4u * (pin))
#define PAD_OUT 0x52u        /* 4 mA, input readable, Schmitt trigger */
#define PAD_IN_PULL_UP 0x4Au
#define PAD_OPEN_DRAIN 0x62u /* 8 mA; no pull of our own: the box has one */

#define XOSC_CTRL 0x40024000u
#define XOSC_STATUS (XOSC_CTRL + 0x4u)
#define XOSC_STARTUP (XOSC_CTRL + 0xCu)
#define XOSC_ENABLE_12MHZ 0x00FABAA0u
#define XOSC_STABLE (1u << 31)
#define XOSC_ONE_MILLISECOND 47u

#define UART 0x40034000u
#define UART_DATA UART
#define UART_FLAGS (UART + 0x18u)
#define UART_DIVISOR (UART + 0x24u)
#define UART_FRACTION (UART + 0x28u)
#define UART_LINE (UART + 0x2Cu)
#define UART_CONTROL (UART + 0x30u)
#define UART_RX_EMPTY (1u << 4)
#define UART_TX_FULL (1u << 5)
#define UART_ERRORS 0xF00u
#define UART_8N1_FIFO 0x70u
#define UART_ON 0x301u

#define TIMER 0x40054000u
#define TIMER_ALARM0 (TIMER + 0x10u)
#define TIMER_NOW (TIMER + 0x28u)
#define TIMER_RAISED (TIMER + 0x34u)
#define TIMER_ENABLED (TIMER + 0x38u)
#define TIMER_INTERRUPT_0 1u

#define WATCHDOG 0x40058000u
#define WATCHDOG_CTRL WATCHDOG
#define WATCHDOG_LOAD (WATCHDOG + 0x4u)
#define WATCHDOG_REASON (WATCHDOG + 0x8u)
#define WATCHDOG_SCRATCH(n) (WATCHDOG + 0xCu + 4u * (n))
#define WATCHDOG_TICK (WATCHDOG + 0x2Cu)
#define WATCHDOG_ENABLE (1u << 30)
#define WATCHDOG_TICK_1MHZ (1u << 9 | 12u)
#define WATCHDOG_TWO_SECONDS 4000000u /* counts twice per microsecond: erratum RP2040-E1 */

#define SIO 0xD0000000u
#define SIO_IN (SIO + 0x4u)
#define SIO_OUT_SET (SIO + 0x14u)
#define SIO_OUT_CLEAR (SIO + 0x18u)
#define SIO_DRIVE_SET (SIO + 0x24u)
#define SIO_DRIVE_CLEAR (SIO + 0x28u)

#define NVIC_ENABLE 0xE000E100u

#define WAKE_UP_US 10000u

/* Pins (docs/integrateur/panneau.md). 19200 baud fills 20 of the 32 places of the receiver in 10 ms: polling is enough. */
#define PIN_TX 0u
#define PIN_RX 1u
#define PIN_LAMP 2u /* and the three after it, in the order of lamps.h */
#define LAMPS 4u
#define PIN_BUTTON 6u
#define PIN_RESET 7u
#define BAUD_DIVISOR 39u /* 12 MHz / (16 x 19200) = 39 + 4/64 */
#define BAUD_FRACTION 4u

static uint32_t seen_us;

static void start_clocks(void)
{
    REGISTER(XOSC_STARTUP) = XOSC_ONE_MILLISECOND;
    REGISTER(XOSC_CTRL) = XOSC_ENABLE_12MHZ;
    while ((REGISTER(XOSC_STATUS) & XOSC_STABLE) == 0u) {
    }
    REGISTER(CLK_SYS_CTRL) = CLK_SYS_FROM_REF;
    while ((REGISTER(CLK_SYS_SELECTED) & 1u) == 0u) {
    }
    REGISTER(CLK_REF_CTRL) = CLK_REF_FROM_XOSC;
    while ((REGISTER(CLK_REF_SELECTED) & (1u << CLK_REF_FROM_XOSC)) == 0u) {
    }
    REGISTER(CLK_PERI_CTRL) = CLK_PERI_ENABLE;
    REGISTER(WATCHDOG_TICK) = WATCHDOG_TICK_1MHZ;
}

static void start_pins(void)
{
    REGISTER(SIO_DRIVE_CLEAR) = 1u << PIN_RESET;
    REGISTER(SIO_OUT_CLEAR) = 1u << PIN_RESET;
    REGISTER(PAD(PIN_RESET)) = PAD_OPEN_DRAIN;
    REGISTER(PIN_CTRL(PIN_RESET)) = PIN_SIO;
    for (uint32_t pin = PIN_LAMP; pin < PIN_LAMP + LAMPS; pin++) {
        REGISTER(SIO_OUT_CLEAR) = 1u << pin;
        REGISTER(SIO_DRIVE_SET) = 1u << pin;
        REGISTER(PAD(pin)) = PAD_OUT;
        REGISTER(PIN_CTRL(pin)) = PIN_SIO;
    }
    REGISTER(PAD(PIN_BUTTON)) = PAD_IN_PULL_UP;
    REGISTER(PIN_CTRL(PIN_BUTTON)) = PIN_SIO;
    REGISTER(PAD(PIN_TX)) = PAD_OUT;
    REGISTER(PIN_CTRL(PIN_TX)) = PIN_UART;
    REGISTER(PAD(PIN_RX)) = PAD_IN_PULL_UP;
    REGISTER(PIN_CTRL(PIN_RX)) = PIN_UART;
}

static void start_line(void)
{
    REGISTER(UART_DIVISOR) = BAUD_DIVISOR;
    REGISTER(UART_FRACTION) = BAUD_FRACTION;
    REGISTER(UART_LINE) = UART_8N1_FIFO;
    REGISTER(UART_CONTROL) = UART_ON;
}

static void start_watchdog(void)
{
    REGISTER(WATCHDOG_CTRL) = 0;
    REGISTER(PSM_WDSEL) = PSM_ALL_BUT_OSCILLATORS;
    REGISTER(WATCHDOG_LOAD) = WATCHDOG_TWO_SECONDS;
    REGISTER(WATCHDOG_CTRL) = WATCHDOG_ENABLE;
}

void board_start(void)
{
    const uint32_t needed = RESET_IO_BANK0 | RESET_PADS_BANK0 | RESET_TIMER | RESET_UART0;
    start_clocks();
    CLEAR(RESETS) = needed;
    while ((REGISTER(RESET_DONE) & needed) != needed) {
    }
    start_pins();
    start_line();
    start_watchdog();
    seen_us = REGISTER(TIMER_NOW);
    SET(TIMER_ENABLED) = TIMER_INTERRUPT_0;
    REGISTER(NVIC_ENABLE) = TIMER_INTERRUPT_0;
    board_on_wake_up();
}

void board_on_wake_up(void)
{
    REGISTER(TIMER_RAISED) = TIMER_INTERRUPT_0;
    REGISTER(TIMER_ALARM0) = REGISTER(TIMER_NOW) + WAKE_UP_US;
}

void board_wait(void)
{
    __asm__ volatile("wfi" ::: "memory");
}

bool board_restarted(uint32_t kept[BOARD_KEPT])
{
    for (uint32_t i = 0; i < BOARD_KEPT; i++) {
        kept[i] = REGISTER(WATCHDOG_SCRATCH(i));
    }
    return REGISTER(WATCHDOG_REASON) != 0u;
}

void board_keep(const uint32_t kept[BOARD_KEPT])
{
    for (uint32_t i = 0; i < BOARD_KEPT; i++) {
        REGISTER(WATCHDOG_SCRATCH(i)) = kept[i];
    }
}

uint32_t board_elapsed(void)
{
    uint32_t elapsed = 0;
    uint32_t pending = REGISTER(TIMER_NOW) - seen_us;
    while (pending >= 1000u) {
        pending -= 1000u;
        seen_us += 1000u;
        elapsed++;
    }
    return elapsed;
}

bool board_read(uint8_t *byte)
{
    while ((REGISTER(UART_FLAGS) & UART_RX_EMPTY) == 0u) {
        const uint32_t data = REGISTER(UART_DATA);
        if ((data & UART_ERRORS) == 0u) {
            *byte = (uint8_t)(data & 0xFFu);
            return true;
        }
    }
    return false;
}

bool board_can_write(void)
{
    return (REGISTER(UART_FLAGS) & UART_TX_FULL) == 0u;
}

void board_write(uint8_t byte)
{
    REGISTER(UART_DATA) = byte;
}

bool board_button_down(void)
{
    return (REGISTER(SIO_IN) & (1u << PIN_BUTTON)) == 0u;
}

void board_lamps(uint8_t lamps)
{
    const uint32_t all = ((1u << LAMPS) - 1u) << PIN_LAMP;
    const uint32_t lit = (uint32_t)lamps << PIN_LAMP & all;
    REGISTER(SIO_OUT_SET) = lit;
    REGISTER(SIO_OUT_CLEAR) = all & ~lit;
}

void board_reset_line(bool pulled)
{
    REGISTER(pulled ? SIO_DRIVE_SET : SIO_DRIVE_CLEAR) = 1u << PIN_RESET;
}

void board_alive(void)
{
    REGISTER(WATCHDOG_LOAD) = WATCHDOG_TWO_SECONDS;
}
