/* The kernel command line. */
#include "bare.h"

struct options options = {
    .must_tell_host = true,
    .automatic = true,
    .batch = 256,
    .depth = 32,
    .exit_port = 0xf4,
};

static const struct {
  const char *key;
  u64 *value;
  u64 min, max;
} numbers[] = {
    {"batch=", &options.batch, 1, 1024},
    {"depth=", &options.depth, 1, 64},
    {"beat=", &options.beat_ms, 0, 1000000},
    {"tsc_khz=", &options.tsc_khz, 0, 100000000},
    {"exit_port=", &options.exit_port, 0, 0xffff},
    {"poweroff_port=", &options.poweroff_port, 0, 0xffff},
    {"poweroff_value=", &options.poweroff_value, 0, 0xffff},
};

static const struct {
  const char *key;
  bool *value;
} switches[] = {
    {"must_tell_host=", &options.must_tell_host},
    {"deflate_on_oom=", &options.deflate_on_oom},
    {"stats=", &options.stats},
    {"indirect_desc=", &options.indirect_desc},
    {"auto=", &options.automatic},
};

static const char *after(const char *word, const char *key) {
  if (!text_starts(word, key)) return NULL;
  while (*key) word++, key++;
  return word;
}

static void parse_device(const char *text) {
  u64 size, address;
  text = text_number(text, &size);
  if (!text || *text != '@' || !text_number(text + 1, &address)) return;
  if (options.device_count < sizeof options.devices / sizeof *options.devices) {
    options.devices[options.device_count++] = address;
  }
}

static void parse_word(char *word) {
  const char *text = after(word, "virtio_mmio.device=");
  if (text) parse_device(text);
  if (after(word, "run=")) options.run = word + 4;
  for (u32 i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    u64 value;
    text = after(word, numbers[i].key);
    if (text && text_number(text, &value) && value >= numbers[i].min && value <= numbers[i].max) {
      *numbers[i].value = value;
    }
  }
  for (u32 i = 0; i < sizeof switches / sizeof *switches; i++) {
    text = after(word, switches[i].key);
    if (text) *switches[i].value = text_equal(text, "on");
  }
}

void options_parse(char *line) {
  while (*line) {
    while (*line == ' ') line++;
    if (!*line) return;
    /* Quotes group and are dropped. */
    char *word = line, *to = line;
    bool quoted = false;
    for (; *line && (quoted || *line != ' '); line++) {
      if (*line == '"') {
        quoted = !quoted;
      } else {
        *to++ = *line;
      }
    }
    bool last = *line == 0;
    *to = 0;
    parse_word(word);
    if (last) return;
    line++;
  }
}
