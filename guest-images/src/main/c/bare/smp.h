/* What start.S and smp.c agree on. A block holds a count, and the stack for interrupts at its end. */
#define AP_MAX 1023
#define AP_BLOCK_SHIFT 8
#define AP_BLOCK_SIZE (1 << AP_BLOCK_SHIFT)
