/*
 * Carries the ports between level 1 and the host over one serial port: multiplexer TTY DIRECTORY. A serial port has
 * neither an end of file nor, in Bochs, flow control, and a PC's four share two interrupts.
 *
 * Frames in both directions: a byte that names the channel, a byte with the number of bytes that follow, these bytes.
 * The class SerialMultiplexer is the other side. DIRECTORY has named pipes: control.in and stdin, which are written
 * here, and control.out, stdout and stderr, which are read. They are opened in this order, each when the other side
 * opens it. A frame of no bytes for stdin is its end; how many bytes of stdin were passed on goes back as a byte in a
 * frame of that channel, and the host sends no more than STDIN_WINDOW ahead. A frame for ALIVE means nothing: writing
 * to a host that is gone ends the emulator.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum channel { ALIVE, CONTROL, STDIN, STDOUT, STDERR };

#define STDIN_WINDOW 4096
#define MOST_BYTES 255
#define IDLE_MS 10000

static int tty, control_in, standard_in;
static uint8_t pending[STDIN_WINDOW];
static size_t pending_count;
static bool stdin_ended;

static void fail(const char *what) {
  fprintf(stderr, "multiplexer: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void write_all(int fd, const uint8_t *bytes, size_t count) {
  while (count > 0) {
    ssize_t written = write(fd, bytes, count);
    if (written < 0 && errno != EINTR) {
      fail("write");
    }
    if (written > 0) {
      bytes += written;
      count -= (size_t)written;
    }
  }
}

/* The payload follows a gap of two bytes. */
static void send_frame(enum channel channel, uint8_t *frame, size_t count) {
  frame[0] = (uint8_t)channel;
  frame[1] = (uint8_t)count;
  write_all(tty, frame, 2 + count);
}

static void open_serial_port(const char *path) {
  struct termios settings;
  tty = open(path, O_RDWR | O_NOCTTY);
  if (tty < 0 || tcgetattr(tty, &settings) != 0) {
    fail(path);
  }
  cfmakeraw(&settings);
  cfsetspeed(&settings, B115200);
  settings.c_cflag |= CLOCAL | CREAD;
  if (tcsetattr(tty, TCSAFLUSH, &settings) != 0) {
    fail(path);
  }
}

static int open_pipe(const char *name, int flags) {
  int fd = open(name, flags | O_CLOEXEC);
  if (fd < 0) {
    fail(name);
  }
  return fd;
}

/* Passes on what standard input's reader has room for. */
static void write_pending(void) {
  uint8_t frame[3];
  size_t count = pending_count < MOST_BYTES ? pending_count : MOST_BYTES;
  ssize_t written = write(standard_in, pending, count);
  if (written > 0) {
    pending_count -= (size_t)written;
    memmove(pending, pending + written, pending_count);
    frame[2] = (uint8_t)written;
    send_frame(STDIN, frame, 1);
  } else if (written < 0 && errno != EAGAIN && errno != EINTR) {
    fail("stdin");
  }
}

/* Takes in bytes from the host, however they are cut. */
static void receive(const uint8_t *bytes, size_t count) {
  static enum { AT_CHANNEL, AT_COUNT, AT_PAYLOAD } state;
  static uint8_t channel;
  static size_t left;
  while (count > 0) {
    size_t taken = 1;
    switch (state) {
    case AT_CHANNEL:
      channel = *bytes;
      state = AT_COUNT;
      break;
    case AT_COUNT:
      left = *bytes;
      state = left > 0 ? AT_PAYLOAD : AT_CHANNEL;
      stdin_ended |= left == 0 && channel == STDIN;
      break;
    case AT_PAYLOAD:
      taken = count < left ? count : left;
      if (channel == CONTROL) {
        write_all(control_in, bytes, taken);
      } else if (channel == STDIN && pending_count + taken <= sizeof pending) {
        memcpy(pending + pending_count, bytes, taken);
        pending_count += taken;
      } else {
        errno = EPROTO;
        fail("a frame from the host");
      }
      left -= taken;
      state = left > 0 ? AT_PAYLOAD : AT_CHANNEL;
      break;
    }
    bytes += taken;
    count -= taken;
  }
}

int main(int argc, char **argv) {
  static const enum channel out_channels[] = {CONTROL, STDOUT, STDERR};
  enum { OUTS = 3, TTY = OUTS, STANDARD_IN, POLLED };
  struct pollfd polled[POLLED];
  uint8_t buffer[2 + MOST_BYTES];
  if (argc != 3) {
    fputs("usage: multiplexer TTY DIRECTORY\n", stderr);
    return 2;
  }
  open_serial_port(argv[1]);
  if (chdir(argv[2]) != 0) {
    fail(argv[2]);
  }
  control_in = open_pipe("control.in", O_WRONLY);
  standard_in = open_pipe("stdin", O_WRONLY);
  polled[0].fd = open_pipe("control.out", O_RDONLY);
  polled[1].fd = open_pipe("stdout", O_RDONLY);
  polled[2].fd = open_pipe("stderr", O_RDONLY);
  if (fcntl(standard_in, F_SETFL, O_NONBLOCK) != 0) {
    fail("stdin");
  }
  for (;;) {
    for (int i = 0; i <= TTY; i++) {
      polled[i].events = POLLIN;
    }
    polled[TTY].fd = tty;
    polled[STANDARD_IN].fd = pending_count > 0 ? standard_in : -1;
    polled[STANDARD_IN].events = POLLOUT;
    int ready = poll(polled, POLLED, IDLE_MS);
    if (ready < 0 && errno != EINTR) {
      fail("poll");
    }
    if (ready == 0) {
      buffer[2] = 0;
      send_frame(ALIVE, buffer, 1);
    }
    if (ready <= 0) {
      continue;
    }
    if (polled[TTY].revents != 0) {
      ssize_t count = read(tty, buffer, sizeof buffer);
      if (count <= 0 && errno != EINTR) {
        fail("read from the host");
      }
      receive(buffer, count > 0 ? (size_t)count : 0);
    }
    if (pending_count > 0) {
      write_pending();
    }
    if (stdin_ended && pending_count == 0 && standard_in >= 0) {
      close(standard_in);
      standard_in = -1;
    }
    for (int i = 0; i < OUTS; i++) {
      if (polled[i].revents != 0) {
        ssize_t count = read(polled[i].fd, buffer + 2, MOST_BYTES);
        if (count <= 0) {
          return 0; /* init has ended */
        }
        send_frame(out_channels[i], buffer, (size_t)count);
      }
    }
  }
}
