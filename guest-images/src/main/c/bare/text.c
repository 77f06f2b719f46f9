/* Strings, numbers and the few library functions that the compiler calls. */
#include "bare.h"

void *memset(void *target, int value, size_t size) {
  void *start = target;
  asm volatile("rep stosb" : "+D"(target), "+c"(size) : "a"(value) : "memory");
  return start;
}

void *memcpy(void *restrict target, const void *restrict source, size_t size) {
  void *start = target;
  asm volatile("rep movsb" : "+D"(target), "+S"(source), "+c"(size)::"memory");
  return start;
}

void *memmove(void *target, const void *source, size_t size) {
  u8 *to = target;
  const u8 *from = source;
  if (to <= from || to >= from + size) return memcpy(target, source, size);
  while (size-- > 0) to[size] = from[size];
  return target;
}

bool text_equal(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return *a == *b;
}

bool text_starts(const char *text, const char *prefix) {
  while (*prefix && *text == *prefix) text++, prefix++;
  return *prefix == 0;
}

static int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

const char *text_number(const char *text, u64 *value) {
  int base = 10;
  if (text[0] == '0' && (text[1] | 0x20) == 'x') {
    base = 16;
    text += 2;
  }
  if (digit(*text) >= base) return NULL;
  u64 number = 0;
  for (; digit(*text) < base; text++) {
    if (__builtin_mul_overflow(number, (u64)base, &number)) return NULL;
    if (__builtin_add_overflow(number, (u64)digit(*text), &number)) return NULL;
  }
  int shift = 0;
  switch (*text | 0x20) {
    case 'k': shift = 10; break;
    case 'm': shift = 20; break;
    case 'g': shift = 30; break;
    case 't': shift = 40; break;
  }
  if (shift) text++;
  if (number << shift >> shift != number) return NULL;
  *value = number << shift;
  return text;
}

struct sink {
  char *at, *end;
};

static void put(struct sink *sink, char c) {
  if (sink->at < sink->end) *sink->at++ = c;
}

static void put_number(struct sink *sink, u64 number, u64 base) {
  char digits[20];
  int count = 0;
  do {
    digits[count++] = "0123456789abcdef"[number % base];
    number /= base;
  } while (number);
  while (count) put(sink, digits[--count]);
}

size_t text_format(char *buffer, size_t size, const char *format, va_list arguments) {
  struct sink sink = {buffer, buffer + size - 1};
  for (; *format; format++) {
    if (*format != '%') {
      put(&sink, *format);
      continue;
    }
    format++;
    if (*format == 's') {
      for (const char *text = va_arg(arguments, const char *); *text; text++) put(&sink, *text);
    } else { /* %lu, %lx */
      format++;
      put_number(&sink, va_arg(arguments, u64), *format == 'x' ? 16 : 10);
    }
  }
  *sink.at = 0;
  return (size_t)(sink.at - buffer);
}
