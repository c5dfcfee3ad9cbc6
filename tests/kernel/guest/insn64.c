// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
// Copyright (c) 2026 the svart authors

/*
 * MOVDIR64B, ENQCMD and ENQCMDS for a CPU that has none of them, in the kernel and in programs. Each is an
 * invalid opcode there (#UD), of which the kernel tells its die notifiers first.
 *
 * The 64 bytes are written as eight stores of eight bytes, one instruction after the other, which svart's device
 * models take for one descriptor. A deferrable write (ENQCMD, ENQCMDS) is a read of the portal, which begins it,
 * the stores, and another read, which gives the answer: 0 accepted, else to be tried again.
 */

#include <linux/atomic.h>
#include <linux/debugfs.h>
#include <linux/io.h>
#include <linux/iommu.h>
#include <linux/kdebug.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/task_work.h>
#include <linux/uaccess.h>
#include <asm/ptrace.h>
#include <asm/trapnr.h>

#include "decode.h"
#include "guest.h"

#define WORDS      8
#define BYTES      (WORDS * sizeof(u64))
#define PASID_BITS GENMASK_ULL(19, 0)
#define PRIV_BIT   BIT_ULL(31)
#define PASID_WORD GENMASK_ULL(31, 0)
#define ARITHMETIC_FLAGS                                                                 \
	(X86_EFLAGS_CF | X86_EFLAGS_PF | X86_EFLAGS_AF | X86_EFLAGS_ZF | X86_EFLAGS_SF | \
		X86_EFLAGS_OF)

static const char *const kind_names[INSN64_KINDS] = {
	[INSN64_MOVDIR64B] = "movdir64b",
	[INSN64_ENQCMD] = "enqcmd",
	[INSN64_ENQCMDS] = "enqcmds",
};

/* What was done, for those who read debugfs: by kind, then in the kernel or in a program. */
static atomic64_t counts[INSN64_KINDS][2];
static atomic64_t nr_retries, nr_faults, nr_refused;

/* One instruction at a time: a device puts stores together by their addresses. */
static DEFINE_RAW_SPINLOCK(store_lock);

/* --- Memory of a program that is not there ------------------------------------------------------- */

/* A notifier must not sleep, so that the program brings it in on its way back, and traps again. */
struct missing {
	struct callback_head work;
	unsigned long address;
	unsigned int flags;
};

static void bring_in(struct callback_head *work)
{
	struct missing *missing = container_of(work, struct missing, work);
	struct mm_struct *mm = current->mm; /* NULL: the program ended first. */
	bool unlocked = false;
	int rc = 0;

	if (mm != NULL) {
		mmap_read_lock(mm);
		rc = fixup_user_fault(mm, missing->address, missing->flags, &unlocked);
		mmap_read_unlock(mm);
	}
	if (rc != 0)
		force_sig(SIGSEGV);
	kfree(missing);
}

/* Without memory for it the program traps again, and asks again. */
static void want_page(u64 address, unsigned int flags)
{
	struct missing *missing = kmalloc(sizeof(*missing), GFP_ATOMIC);

	if (missing == NULL)
		return;
	missing->address = address;
	missing->flags = flags;
	init_task_work(&missing->work, bring_in);
	if (task_work_add(current, &missing->work, TWA_RESUME) != 0)
		kfree(missing);
	atomic64_inc(&nr_faults);
}

/* --- Reading and writing 64 bytes ---------------------------------------------------------------- */

static int read_source(const struct insn64 *insn, bool user, u64 *data)
{
	if (!user) {
		memcpy(data, (const void *)insn->src, BYTES);
		return 0;
	}
	if (copy_from_user_nofault(data, (const void __user *)insn->src, BYTES) == 0)
		return 0;
	want_page(insn->src, 0);
	if (offset_in_page(insn->src) > PAGE_SIZE - BYTES)
		want_page(insn->src + BYTES - 1, 0);
	return -EAGAIN;
}

/* With page faults disabled. A deferrable write tells its answer. */
static int store_user(u64 __user *dst, const u64 *data, bool deferrable, u64 *answer)
{
	int rc = 0;

	if (deferrable)
		rc = __get_user(*answer, dst);
	for (unsigned int i = 0; i < WORDS && rc == 0; i++)
		rc = __put_user(data[i], dst + i);
	if (deferrable && rc == 0)
		rc = __get_user(*answer, dst);
	return rc;
}

static void store_kernel(void __iomem *dst, const u64 *data, bool deferrable, u64 *answer)
{
	if (deferrable)
		*answer = __raw_readq(dst);
	for (unsigned int i = 0; i < WORDS; i++)
		__raw_writeq(data[i], dst + i * sizeof(u64));
	if (deferrable)
		*answer = __raw_readq(dst);
}

static int store(const struct insn64 *insn, bool user, const u64 *data, u64 *answer)
{
	bool deferrable = insn->kind != INSN64_MOVDIR64B;
	unsigned long flags;
	int rc = 0;

	raw_spin_lock_irqsave(&store_lock, flags);
	if (user) {
		pagefault_disable();
		rc = store_user((u64 __user *)insn->dst, data, deferrable, answer);
		pagefault_enable();
	} else {
		store_kernel((void __iomem *)insn->dst, data, deferrable, answer);
	}
	raw_spin_unlock_irqrestore(&store_lock, flags);
	if (rc == 0)
		return 0;
	want_page(insn->dst, FAULT_FLAG_WRITE);
	return -EAGAIN;
}

/* --- The instructions ---------------------------------------------------------------------------- */

/* What hardware answers by #GP or #PF. */
static bool is_allowed(const struct insn64 *insn, bool user)
{
	if (insn->dst % BYTES != 0)
		return false;
	if (!user)
		return true;
	return insn->kind != INSN64_ENQCMDS && access_ok((void __user *)insn->dst, BYTES);
}

/* ENQCMD puts the process's PASID (IA32_PASID) where the program has zeros, and never privilege. */
static int put_pasid(u64 *data)
{
	u32 pasid = current->mm != NULL ? mm_get_enqcmd_pasid(current->mm) : IOMMU_PASID_INVALID;

	if (pasid == IOMMU_PASID_INVALID)
		return -EPERM;
	data[0] = (data[0] & ~PASID_WORD) | (pasid & PASID_BITS);
	return 0;
}

/* ENQCMDS takes both from the descriptor; what is between them is reserved. */
static int prepare(const struct insn64 *insn, u64 *data)
{
	if (insn->kind == INSN64_ENQCMD)
		return put_pasid(data);
	if (insn->kind == INSN64_ENQCMDS && (data[0] & PASID_WORD & ~(PASID_BITS | PRIV_BIT)) != 0)
		return -EINVAL;
	return 0;
}

static void set_flags(struct pt_regs *regs, bool retry)
{
	regs->flags &= ~ARITHMETIC_FLAGS;
	if (!retry)
		return;
	regs->flags |= X86_EFLAGS_ZF;
	atomic64_inc(&nr_retries);
}

/*
 * Returns 0: done; -EAGAIN: to be tried again, once what is missing is there; another -errno: hardware would
 * raise an exception.
 */
static int emulate(struct pt_regs *regs, const struct insn64 *insn)
{
	bool user = user_mode(regs);
	u64 data[WORDS], answer = 0;
	int rc;

	if (!is_allowed(insn, user))
		return -EPERM;
	rc = read_source(insn, user, data);
	if (rc == 0)
		rc = prepare(insn, data);
	if (rc == 0)
		rc = store(insn, user, data, &answer);
	if (rc != 0)
		return rc;
	if (insn->kind != INSN64_MOVDIR64B)
		set_flags(regs, answer != 0);
	regs->ip += insn->bytes;
	atomic64_inc(&counts[insn->kind][user]);
	return 0;
}

/* --- The trap ------------------------------------------------------------------------------------ */

static void get_regs(const struct pt_regs *regs, u64 *values)
{
	const unsigned long in_order[INSN64_REGS] = {
		regs->ax,
		regs->cx,
		regs->dx,
		regs->bx,
		regs->sp,
		regs->bp,
		regs->si,
		regs->di,
		regs->r8,
		regs->r9,
		regs->r10,
		regs->r11,
		regs->r12,
		regs->r13,
		regs->r14,
		regs->r15,
	};

	for (unsigned int i = 0; i < INSN64_REGS; i++)
		values[i] = in_order[i];
}

/* How many bytes of code there are: fewer than were wanted where a program's page ends. */
static unsigned int get_code(struct pt_regs *regs, u8 *code)
{
	unsigned int nr = INSN64_MAX_BYTES;

	if (!user_mode(regs))
		return copy_from_kernel_nofault(code, (const void *)regs->ip, nr) == 0 ? nr : 0;
	if (copy_from_user_nofault(code, (const void __user *)regs->ip, nr) == 0)
		return nr;
	nr = min_t(unsigned int, nr, PAGE_SIZE - offset_in_page(regs->ip));
	return copy_from_user_nofault(code, (const void __user *)regs->ip, nr) == 0 ? nr : 0;
}

static bool decode(struct pt_regs *regs, struct insn64 *insn)
{
	u8 code[INSN64_MAX_BYTES];
	u64 values[INSN64_REGS];

	if (user_mode(regs) && !user_64bit_mode(regs))
		return false;
	get_regs(regs, values);
	return insn64_decode(insn, code, get_code(regs, code), values, regs->ip) == 0;
}

static int on_die(struct notifier_block *block, unsigned long event, void *data)
{
	struct die_args *args = data;
	struct insn64 insn;
	int rc;

	if (event != DIE_TRAP || args->trapnr != X86_TRAP_UD || !decode(args->regs, &insn))
		return NOTIFY_DONE;
	rc = emulate(args->regs, &insn);
	if (rc == 0 || rc == -EAGAIN)
		return NOTIFY_STOP;
	atomic64_inc(&nr_refused);
	if (!user_mode(args->regs))
		return NOTIFY_DONE;
	force_sig(SIGSEGV);
	return NOTIFY_STOP;
}

static struct notifier_block die_block = { .notifier_call = on_die, .priority = INT_MAX };

/* --- The module ---------------------------------------------------------------------------------- */

static struct dentry *debug_dir;

static int counts_show(struct seq_file *file, void *unused)
{
	for (unsigned int i = 0; i < INSN64_KINDS; i++)
		seq_printf(file, "%s kernel %lld user %lld\n", kind_names[i],
			atomic64_read(&counts[i][0]), atomic64_read(&counts[i][1]));
	seq_printf(file, "retries %lld faults %lld refused %lld\n", atomic64_read(&nr_retries),
		atomic64_read(&nr_faults), atomic64_read(&nr_refused));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(counts);

/* It has no exit: a driver that found these instructions goes on to use them. */
static int __init guest_init(void)
{
	int rc;

	debug_dir = debugfs_create_dir("svart-guest", NULL);
	debugfs_create_file("insn64", 0444, debug_dir, NULL, &counts_fops);
	rc = piotlb_start(debug_dir);
	if (rc != 0)
		goto remove;
	rc = register_die_notifier(&die_block);
	if (rc != 0)
		goto stop;
	return 0;
stop:
	piotlb_stop();
remove:
	debugfs_remove(debug_dir);
	return rc;
}
module_init(guest_init);

MODULE_DESCRIPTION("MOVDIR64B and ENQCMD for emulated devices and CPUs without");
MODULE_AUTHOR("the svart authors");
MODULE_LICENSE("Dual BSD/GPL");
