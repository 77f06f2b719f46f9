/*
 * Moves memory from one process to another over unix sockets, a thread for each: what a migration cannot beat.
 * The sender's memory is there; the receiver's was never touched, as that of a migration's destination.
 */
#include "yardstick.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_STREAMS 16
#define CHUNK MIB
/* As a migration over a unix socket asks for. */
#define SEND_BUFFER (4 << 20)
/* Populated at once: as much as a huge page. */
#define STEP (2 * MIB)

struct stream {
  pthread_t thread;
  int socket;
  bool listens, populate;
  char *memory;
  size_t size;
};

static struct stream streams[MAX_STREAMS];

static struct sockaddr_un address(const char *prefix, size_t index) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int length = snprintf(address.sun_path, sizeof address.sun_path, "%s.%zu", prefix, index);
  if (length < 0 || (size_t)length >= sizeof address.sun_path) fail("the path is too long: %s", prefix);
  return address;
}

/* Opens the sockets, and cuts the memory into one part for each. */
static size_t open_streams(char **words, bool listens) {
  size_t bytes = number(words[1]), count = number(words[2]);
  if (count > MAX_STREAMS || bytes % (count * STEP)) fail("at most %d streams, each of whole 2 MiB", MAX_STREAMS);
  char *memory = map_memory(bytes);
  if (!listens) fill_memory(memory, bytes);
  for (size_t i = 0; i < count; i++) {
    struct sockaddr_un name = address(words[0], i);
    struct stream *stream = &streams[i];
    *stream = (struct stream){
        .socket = socket(AF_UNIX, SOCK_STREAM, 0),
        .listens = listens,
        .memory = memory + i * (bytes / count),
        .size = bytes / count,
    };
    int result = stream->socket < 0 ? -1
        : listens ? bind(stream->socket, (struct sockaddr *)&name, sizeof name) || listen(stream->socket, 1)
                  : connect(stream->socket, (struct sockaddr *)&name, sizeof name);
    if (result) fail("%s: %s", name.sun_path, strerror(errno));
    /* Only to be quick: the kernel gives as much of it as it allows. */
    if (!listens) setsockopt(stream->socket, SOL_SOCKET, SO_SNDBUF, &(int){SEND_BUFFER}, sizeof(int));
  }
  return count;
}

/* Moves all of the stream's memory, in chunks. */
static void move(struct stream *stream, ssize_t (*call)(int, void *, size_t), bool populate) {
  for (size_t done = 0; done < stream->size;) {
#ifdef MADV_POPULATE_WRITE
    if (populate && done % STEP == 0) madvise(stream->memory + done, STEP, MADV_POPULATE_WRITE);
#endif
    size_t left = CHUNK - done % CHUNK;
    ssize_t moved = call(stream->socket, stream->memory + done, left);
    if (moved <= 0) fail("the other end is gone: %s", moved ? strerror(errno) : "end of file");
    done += (size_t)moved;
  }
}

static ssize_t read_some(int socket, void *memory, size_t size) { return read(socket, memory, size); }
static ssize_t write_some(int socket, void *memory, size_t size) { return write(socket, memory, size); }

static void *receive(void *argument) {
  struct stream *stream = argument;
  int listening = stream->socket;
  stream->socket = accept(listening, NULL, NULL);
  if (stream->socket < 0) fail("accept: %s", strerror(errno));
  close(listening);
  move(stream, read_some, stream->populate);
  if (write(stream->socket, "", 1) != 1) fail("the sender is gone");
  close(stream->socket);
  return NULL;
}

static void *send_all(void *argument) {
  struct stream *stream = argument;
  char end;
  move(stream, write_some, false);
  if (read(stream->socket, &end, 1) != 1) fail("the receiver is gone");
  close(stream->socket);
  return NULL;
}

static void run_threads(size_t count, void *(*run)(void *)) {
  for (size_t i = 0; i < count; i++) {
    int error = pthread_create(&streams[i].thread, NULL, run, &streams[i]);
    if (error) fail("pthread_create: %s", strerror(error));
  }
  for (size_t i = 0; i < count; i++) pthread_join(streams[i].thread, NULL);
}

void run_receive(int count, char **words) {
  (void)count;
  bool populate = !strcmp(words[3], "populate");
  if (!populate && strcmp(words[3], "plain")) fail("plain or populate, not %s", words[3]);
  size_t opened = open_streams(words, true);
  for (size_t i = 0; i < opened; i++) {
    streams[i].populate = populate;
#ifdef MADV_HUGEPAGE
    /* Only to be quick: a kernel without huge pages has small ones. */
    if (populate) madvise(streams[i].memory, streams[i].size, MADV_HUGEPAGE);
#endif
  }
  puts("listening");
  fflush(stdout);
  run_threads(opened, receive);
}

void run_send(int count, char **words) {
  (void)count;
  size_t opened = open_streams(words, false);
  say_and_wait("filled");
  uint64_t started = now();
  run_threads(opened, send_all);
  printf("send bytes=%lu ns=%lu\n", number(words[1]), now() - started);
}
