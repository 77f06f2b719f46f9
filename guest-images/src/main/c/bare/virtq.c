/* The driver's side of a split virtqueue on virtio-mmio (virtio v1.3 §2.7, §4.2), polled. */
#include "bare.h"
#include "virtio_mmio.h"

#define QUEUES 3
/* Reading the status register is an exit, so a waiting driver looks at it rarely. */
#define STATUS_INTERVAL (1u << 20)

#define AVAIL_NO_INTERRUPT 1

static struct {
  struct virtq_desc desc[VIRTQ_MAX_SIZE] __attribute__((aligned(16)));
  struct virtq_avail avail;
  struct virtq_used used __attribute__((aligned(4)));
} rings[QUEUES] NOINIT;

static void write_address(u64 device, u32 low_register, const void *address) {
  write32(device + low_register, (u32)(u64)address);
  write32(device + low_register + 4, (u32)((u64)address >> 32));
}

bool virtq_init(struct virtq *queue, u64 device, u32 index) {
  write32(device + QUEUE_SEL, index);
  u32 max = read32(device + QUEUE_NUM_MAX);
  if (max == 0 || read32(device + QUEUE_READY)) return false;
  memset(&rings[index], 0, sizeof rings[index]);
  *queue = (struct virtq){
      .size = max < VIRTQ_MAX_SIZE ? max : VIRTQ_MAX_SIZE,
      .desc = rings[index].desc,
      .avail = &rings[index].avail,
      .used = &rings[index].used,
  };
  queue->avail->flags = AVAIL_NO_INTERRUPT;
  write32(device + QUEUE_NUM, queue->size);
  write_address(device, QUEUE_DESC, queue->desc);
  write_address(device, QUEUE_DRIVER, queue->avail);
  write_address(device, QUEUE_DEVICE, queue->used);
  write32(device + QUEUE_READY, 1);
  return true;
}

void virtq_put(struct virtq *queue, u32 slot, const void *buffer, u32 length) {
  queue->desc[slot] = (struct virtq_desc){.address = (u64)buffer, .length = length};
}

void virtq_offer(struct virtq *queue, u16 head) {
  volatile u16 *available = &queue->avail->index;
  queue->avail->ring[queue->next++ % queue->size] = head;
  fence();
  *available = queue->next;
  fence();
}

bool virtq_await(const struct virtq *queue, u64 device) {
  const volatile u16 *used = &queue->used->index;
  for (u32 spins = 1; *used != queue->next; spins++) {
    pause();
    if (spins % STATUS_INTERVAL == 0 && (read32(device + STATUS) & STATUS_NEEDS_RESET)) return false;
  }
  fence();
  return true;
}

bool virtq_publish(struct virtq *queue, u64 device, u32 index, u32 n) {
  volatile u16 *available = &queue->avail->index;
  for (u32 slot = 0; slot < n; slot++) queue->avail->ring[queue->next++ % queue->size] = (u16)slot;
  fence();
  *available = queue->next;
  fence();
  write32(device + QUEUE_NOTIFY, index);
  return virtq_await(queue, device);
}
