/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /init of the bench's guest: its first instructions write a byte to the debug console's port, then
 * it writes one to the channel, when there is one. No libc, so that the first is really the first.
 */
#include <asm/unistd.h>

#define O_RDWR 2
#define DEBUG_PORT 0xe9

static long call(long nr, long a, long b, long c, long d, long e)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	long ret;

	__asm__ volatile("syscall" : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return ret;
}

__attribute__((noreturn, used)) void _start(void)
{
	long fd;

	call(__NR_iopl, 3, 0, 0, 0, 0);
	__asm__ volatile("outb %0, %1" : : "a"((char)'1'), "Nd"((unsigned short)DEBUG_PORT));
	call(__NR_mkdir, (long)"/dev", 0755, 0, 0, 0);
	call(__NR_mount, (long)"none", (long)"/dev", (long)"devtmpfs", 0, 0);
	fd = call(__NR_open, (long)"/dev/vport0p1", O_RDWR, 0, 0, 0);
	if (fd >= 0)
		call(__NR_write, fd, (long)"1", 1, 0, 0);
	for (;;)
		call(__NR_pause, 0, 0, 0, 0, 0);
}
