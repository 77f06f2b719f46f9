/*
 * Linux to Linux without firmware (kexec_file_load(2), reboot(2)); no libc.
 *
 *   kexec KERNEL INITRAMFS COMMAND-LINE   has the running kernel load another one
 *   kexec                                 jumps to the kernel that was loaded
 *
 * The exit status is 0, 255 for wrong arguments, or the errno of what failed.
 */
#include <asm/unistd.h>
#include <linux/fcntl.h>
#include <linux/reboot.h>

#define WRONG_ARGUMENTS 255
#define KEXEC_ARGUMENTS 4

/* On entry the stack holds argc, then argv (System V ABI, AMD64, 3.4.1). */
asm(".globl _start\n"
    "_start:\n"
    "  mov %rsp, %rdi\n"
    "  and $-16, %rsp\n"
    "  call start\n");

static long system_call(long number, long a, long b, long c, long d, long e) {
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  long result;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
               : "rcx", "r11", "memory");
  return result;
}

static long open_file(const char *path) {
  return system_call(__NR_open, (long)path, O_RDONLY | O_CLOEXEC, 0, 0, 0);
}

static long load(const char *kernel, const char *initramfs, const char *command_line) {
  long kernel_fd = open_file(kernel);
  if (kernel_fd < 0) return kernel_fd;
  long initramfs_fd = open_file(initramfs);
  if (initramfs_fd < 0) return initramfs_fd;
  long size = 1; /* its terminator counts */
  while (command_line[size - 1]) size++;
  return system_call(__NR_kexec_file_load, kernel_fd, initramfs_fd, size, (long)command_line, 0);
}

static long jump(void) {
  return system_call(__NR_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_KEXEC,
                     0, 0);
}

__attribute__((used, noreturn)) static void start(const long *stack) {
  long argc = stack[0];
  const char *const *argv = (const char *const *)(stack + 1);
  long result = argc == 1                 ? jump()
                : argc == KEXEC_ARGUMENTS ? load(argv[1], argv[2], argv[3])
                                          : -WRONG_ARGUMENTS;
  system_call(__NR_exit, -result, 0, 0, 0, 0);
  __builtin_unreachable();
}
