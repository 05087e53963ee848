#include "board.h"
#include "panel.h"

/* Twelve characters that the making of the image may replace (firmware/panel/image.py); spaces: none given. */
__attribute__((section(".identity"))) const uint8_t panel_serial[PANEL_SERIAL_LENGTH] = "            ";

static struct panel panel;

/* What must outlive a restart: whenever a reset begins, and once a second. */
static void keep(bool pulled)
{
    static bool was_pulled;
    static uint32_t kept_s;
    uint32_t kept[WATCHDOG_KEPT];
    if (panel.up_s == kept_s && pulled == was_pulled) {
        return;
    }
    kept_s = panel.up_s;
    was_pulled = pulled;
    panel_keep(&panel, kept);
    board_keep(kept);
}

static void serve(void)
{
    uint8_t byte;
    while (board_read(&byte)) {
        panel_receive(&panel, byte);
    }
    panel_step(&panel, board_elapsed(), board_button_down());
    keep(panel_reset_pulled(&panel)); /* before the line is pulled: a reset is counted, whatever happens next */
    board_reset_line(panel_reset_pulled(&panel));
    board_lamps(panel_lamps(&panel));
    while (board_can_write() && panel_send(&panel, &byte)) {
        board_write(byte);
    }
}

int main(void)
{
    uint32_t kept[WATCHDOG_KEPT];
    const bool restarted = board_restarted(kept);
    board_start();
    panel_start(&panel, restarted ? kept : NULL, panel_serial);
    for (;;) {
        serve();
        board_alive();
        board_wait();
    }
}
