/*
 * The smallest VMM that runs the bare guest (guest-images, src/main/c/bare): one thread around KVM_RUN, a serial
 * port that is always ready, one virtio-mmio register, a port that ends it. Its guest measures how long a
 * register read takes; what is between the guest and the answer here is KVM and one switch. KVM API, PVH boot
 * (Xen docs/misc/pvh.pandoc).
 */
#include "yardstick.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEMORY (256 * MIB)
#define START_INFO 0x6000
#define MEMORY_MAP 0x6100
#define COMMAND_LINE 0x7000
#define COMMAND_LINE_SIZE 4096
#define LOW_MEMORY_END 0x9f000
#define START_INFO_MAGIC 0x336ec578
#define XEN_ELFNOTE_PHYS32_ENTRY 18

#define SERIAL 0x3f8
#define SERIAL_END 0x400
#define EXIT_PORT 0xf4
#define DEVICE 0xd0000000
#define DEVICE_MAGIC 0x74726976

/* Where KVM on Intel keeps what guests in real mode need: above memory and the device. */
#define IDENTITY_MAP 0xfffbc000UL
#define TASK_STATE 0xfffbd000UL
#define CPUID_ENTRIES 256

struct start_info {
  uint32_t magic, version, flags, module_count;
  uint64_t modules, command_line, rsdp, memmap;
  uint32_t memmap_entries, reserved;
};
struct memmap_entry {
  uint64_t address, size;
  uint32_t type, reserved;
};

static uint8_t *memory;

static int call(int descriptor, unsigned long request, void *argument, const char *name) {
  int result = ioctl(descriptor, request, argument);
  if (result < 0) fail("%s: %s", name, strerror(errno));
  return result;
}
#define KVM(descriptor, request, argument) call(descriptor, request, (void *)(argument), #request)

static uint32_t entry_of_note(const uint8_t *notes, size_t size) {
  for (size_t at = 0; at + sizeof(Elf64_Nhdr) <= size;) {
    const Elf64_Nhdr *note = (const Elf64_Nhdr *)(notes + at);
    size_t name = at + sizeof *note, value = name + ((note->n_namesz + 3UL) & ~3UL);
    if (value + note->n_descsz > size) break;
    if (note->n_type == XEN_ELFNOTE_PHYS32_ENTRY && note->n_descsz >= 4) {
      uint32_t entry;
      memcpy(&entry, notes + value, sizeof entry);
      return entry;
    }
    at = value + ((note->n_descsz + 3UL) & ~3UL);
  }
  return 0;
}

/* Copies the kernel into guest memory; returns its PVH entry. */
static uint32_t load(const char *path) {
  struct stat status;
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0 || fstat(file, &status)) fail("%s: %s", path, strerror(errno));
  size_t size = (size_t)status.st_size;
  const uint8_t *image = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0);
  const Elf64_Ehdr *header = (const Elf64_Ehdr *)image;
  if (image == MAP_FAILED || size < sizeof *header || memcmp(image, ELFMAG, SELFMAG)) fail("%s: not an ELF file", path);
  const Elf64_Phdr *segments = (const Elf64_Phdr *)(image + header->e_phoff);
  if (header->e_phoff + header->e_phnum * sizeof *segments > size) fail("%s: cut off", path);
  uint32_t entry = 0;
  for (const Elf64_Phdr *segment = segments; segment < segments + header->e_phnum; segment++) {
    if (segment->p_offset + segment->p_filesz > size) fail("%s: cut off", path);
    if (segment->p_type == PT_LOAD) {
      if (segment->p_paddr + segment->p_memsz > MEMORY) fail("%s: too large", path);
      memcpy(memory + segment->p_paddr, image + segment->p_offset, segment->p_filesz);
    } else if (segment->p_type == PT_NOTE && !entry) {
      entry = entry_of_note(image + segment->p_offset, segment->p_filesz);
    }
  }
  if (!entry) fail("%s: no PVH entry", path);
  close(file);
  return entry;
}

static void write_start_info(int count, char **commands) {
  struct memmap_entry *map = (struct memmap_entry *)(memory + MEMORY_MAP);
  map[0] = (struct memmap_entry){.size = LOW_MEMORY_END, .type = 1};
  map[1] = (struct memmap_entry){.address = MIB, .size = MEMORY - MIB, .type = 1};
  *(struct start_info *)(memory + START_INFO) = (struct start_info){
      .magic = START_INFO_MAGIC,
      .version = 1,
      .command_line = COMMAND_LINE,
      .memmap = MEMORY_MAP,
      .memmap_entries = 2,
  };
  char *line = (char *)memory + COMMAND_LINE;
  size_t length = (size_t)snprintf(line, COMMAND_LINE_SIZE, "virtio_mmio.device=4K@0x%x:16 exit_port=0x%x run=\"",
      DEVICE, EXIT_PORT);
  for (int i = 0; i < count && length < COMMAND_LINE_SIZE; i++) {
    length += (size_t)snprintf(line + length, COMMAND_LINE_SIZE - length, "%s;", commands[i]);
  }
  if (length < COMMAND_LINE_SIZE) length += (size_t)snprintf(line + length, COMMAND_LINE_SIZE - length, "exit 0\"");
  if (length >= COMMAND_LINE_SIZE) fail("too many commands");
}

static void set_registers(int vcpu, uint32_t entry) {
  struct kvm_segment data = {.limit = 0xffffffff, .selector = 0x18, .type = 3, .present = 1, .db = 1, .s = 1, .g = 1};
  struct kvm_segment code = data, task = {.limit = 0x67, .type = 11, .present = 1};
  code.selector = 0x10;
  code.type = 11;
  struct kvm_sregs sregs;
  KVM(vcpu, KVM_GET_SREGS, &sregs);
  sregs.cs = code;
  sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
  sregs.tr = task;
  sregs.cr0 = 0x11; /* PE, ET */
  KVM(vcpu, KVM_SET_SREGS, &sregs);
  struct kvm_regs regs = {.rip = entry, .rbx = START_INFO, .rflags = 2};
  KVM(vcpu, KVM_SET_REGS, &regs);
}

static void answer_port(struct kvm_run *run) {
  uint8_t *data = (uint8_t *)run + run->io.data_offset;
  uint16_t port = run->io.port;
  bool serial = port >= SERIAL && port < SERIAL_END && run->io.size == 1;
  if (run->io.direction == KVM_EXIT_IO_IN) {
    memset(data, 0xff, run->io.size * run->io.count);
    if (serial) *data = port == SERIAL + 5 ? 0x60 : port == SERIAL + 2 ? 0xc1 : 0;
  } else if (port == SERIAL && serial) {
    putchar(*data);
  } else if (port == EXIT_PORT) {
    exit(*data); /* flushes what the guest wrote */
  }
}

static void answer_mmio(struct kvm_run *run) {
  if (run->mmio.is_write) return;
  uint64_t value = run->mmio.phys_addr == DEVICE ? DEVICE_MAGIC : 0;
  memcpy(run->mmio.data, &value, run->mmio.len);
}

void run_exits(int count, char **words) {
  static struct {
    struct kvm_cpuid2 head;
    struct kvm_cpuid_entry2 entries[CPUID_ENTRIES];
  } cpuid = {.head.nent = CPUID_ENTRIES};
  uint64_t identity_map = IDENTITY_MAP;
  memory = map_memory(MEMORY);
  uint32_t entry = load(words[0]);
  write_start_info(count - 1, words + 1);

  int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
  if (kvm < 0) fail("/dev/kvm: %s", strerror(errno));
  int vm = KVM(kvm, KVM_CREATE_VM, NULL);
  KVM(vm, KVM_SET_IDENTITY_MAP_ADDR, &identity_map);
  KVM(vm, KVM_SET_TSS_ADDR, TASK_STATE);
  KVM(vm, KVM_CREATE_IRQCHIP, NULL);
  struct kvm_pit_config pit = {0};
  KVM(vm, KVM_CREATE_PIT2, &pit);
  struct kvm_userspace_memory_region region = {.memory_size = MEMORY, .userspace_addr = (uint64_t)memory};
  KVM(vm, KVM_SET_USER_MEMORY_REGION, &region);
  int vcpu = KVM(vm, KVM_CREATE_VCPU, NULL);
  KVM(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid);
  KVM(vcpu, KVM_SET_CPUID2, &cpuid);
  set_registers(vcpu, entry);
  size_t size = (size_t)KVM(kvm, KVM_GET_VCPU_MMAP_SIZE, NULL);
  struct kvm_run *run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
  if (run == MAP_FAILED) fail("mmap of the vCPU: %s", strerror(errno));

  for (;;) {
    if (ioctl(vcpu, KVM_RUN, 0) < 0) {
      if (errno == EINTR) continue;
      fail("KVM_RUN: %s", strerror(errno));
    }
    switch (run->exit_reason) {
    case KVM_EXIT_IO:
      answer_port(run);
      break;
    case KVM_EXIT_MMIO:
      answer_mmio(run);
      break;
    default:
      fflush(stdout);
      fail("the guest stopped, exit reason %u", run->exit_reason);
    }
  }
}
