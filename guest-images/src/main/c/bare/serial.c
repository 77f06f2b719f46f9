/* 16550 at 0x3f8, polled. */
#include "bare.h"

#define PORT 0x3f8
#define DATA (PORT + 0)
#define INTERRUPT_ENABLE (PORT + 1)
#define FIFO_CONTROL (PORT + 2)
#define LINE_CONTROL (PORT + 3)
#define MODEM_CONTROL (PORT + 4)
#define LINE_STATUS (PORT + 5)
#define DATA_READY 0x01
#define TRANSMIT_EMPTY 0x20

/* Bytes that may be written after one look at the line status: each look is an exit to the VMM. */
static u32 burst;

void serial_init(void) {
  out8(INTERRUPT_ENABLE, 0);
  out8(LINE_CONTROL, 0x80);
  out8(DATA, 1); /* divisor 1: 115200 baud */
  out8(INTERRUPT_ENABLE, 0);
  out8(LINE_CONTROL, 3); /* 8N1 */
  out8(FIFO_CONTROL, 1);
  out8(MODEM_CONTROL, 3);
  burst = (in8(FIFO_CONTROL) & 0xc0) == 0xc0 ? 16 : 1;
}

void say(const char *format, ...) {
  char line[1024] = "BARE ";
  va_list arguments;
  va_start(arguments, format);
  size_t length = 5 + text_format(line + 5, sizeof line - 6, format, arguments);
  va_end(arguments);
  line[length++] = '\n';
  for (size_t i = 0; i < length; i++) {
    if (i % burst == 0) {
      while (!(in8(LINE_STATUS) & TRANSMIT_EMPTY)) pause();
    }
    out8(DATA, (u8)line[i]);
  }
}

int serial_read(void) {
  u8 status = in8(LINE_STATUS);
  if (status == 0xff || !(status & DATA_READY)) return -1; /* 0xff: there is no such device */
  return in8(DATA);
}
