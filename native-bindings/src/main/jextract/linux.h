/* What jextract reads for dev.ballast.ffi.generated.linux. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

/* glibc's struct sigaction begins with a union that its macros hide; siginfo_t would follow it into the output. */
enum linux_layout {
  OFFSET_sigaction_sa_handler = offsetof(struct sigaction, sa_handler),
  OFFSET_sigaction_sa_flags = offsetof(struct sigaction, sa_flags),
  SIZEOF_sigaction = sizeof(struct sigaction),
  SIZEOF_termios = sizeof(struct termios),
};
