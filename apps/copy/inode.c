/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "inode.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <linux/fs.h>
#include <linux/limits.h>

#define CAPABILITIES "security.capability"
#define ACL          "system.posix_acl_access"
#define USER         "user."

/* Number that Linux shows for an owner that has no number in this user namespace (overflowuid). */
#define NOBODY_KNOWN 65534u

/* Flags that the file system sets by itself, by how it stores a file (linux/fs.h). */
#define STORAGE_FLAGS                                                                  \
	(FS_DIRTY_FL | FS_COMPRBLK_FL | FS_INDEX_FL | FS_HUGE_FILE_FL | FS_EXTENT_FL | \
		FS_EA_INODE_FL | FS_EOFBLOCKS_FL | FS_INLINE_DATA_FL)

#define STORAGE_XFLAGS (FS_XFLAG_PREALLOC | FS_XFLAG_HASATTR)

/* The lists and a value of both files. Owner: svart_copy_inode_adopt(). Locks: none. */
struct attributes {
	ssize_t old_len, new_len;
	char old_names[XATTR_LIST_MAX + 1], new_names[XATTR_LIST_MAX + 1];
	char old_value[XATTR_SIZE_MAX], new_value[XATTR_SIZE_MAX];
};

/* @return the bytes of the names; 0 if there are no attributes; -errno. */
static ssize_t list(int fd, char *names)
{
	ssize_t len = flistxattr(fd, names, XATTR_LIST_MAX);

	if (len < 0 && errno != EOPNOTSUPP)
		return -errno;
	len = len < 0 ? 0 : len;
	names[len] = '\0'; /* A file system may have left out the final 0. */
	return len;
}

static int list_both(struct attributes *a, int old_fd, int new_fd)
{
	a->old_len = list(old_fd, a->old_names);
	a->new_len = list(new_fd, a->new_names);
	if (a->old_len < 0)
		return (int)a->old_len;
	return a->new_len < 0 ? (int)a->new_len : 0;
}

static bool has(const char *names, ssize_t len, const char *name)
{
	const char *at;

	for (at = names; at < names + len; at += strlen(at) + 1)
		if (strcmp(at, name) == 0)
			return true;
	return false;
}

/* Tells whether a program may give an attribute to a file, and it means the same there. */
static bool can_be_given(const char *name)
{
	return strcmp(name, ACL) == 0 || strncmp(name, USER, strlen(USER)) == 0;
}

/*
 * Compares one attribute.
 * @return 0 if both have the same value; 1 if not: old_value has *len bytes; -errno.
 */
static int compare_value(
	struct attributes *a, int old_fd, int new_fd, const char *name, size_t *len)
{
	ssize_t old_len = fgetxattr(old_fd, name, a->old_value, sizeof(a->old_value));
	ssize_t new_len;

	if (old_len < 0)
		return -errno;
	new_len = fgetxattr(new_fd, name, a->new_value, sizeof(a->new_value));
	if (new_len < 0 && errno != ENODATA)
		return -errno;
	*len = (size_t)old_len;
	return old_len == new_len && memcmp(a->old_value, a->new_value, *len) == 0 ? 0 : 1;
}

/* Compares the attributes of both. @return 0 if they are the same, 1 if not, or -errno. */
static int compare_attributes(struct attributes *a, int old_fd, int new_fd)
{
	const char *name;
	size_t len = 0;
	int rc = list_both(a, old_fd, new_fd);

	for (name = a->new_names; rc == 0 && name < a->new_names + a->new_len;
		name += strlen(name) + 1)
		rc = has(a->old_names, a->old_len, name) ? 0 : 1;
	for (name = a->old_names; rc == 0 && name < a->old_names + a->old_len;
		name += strlen(name) + 1)
		if (strcmp(name, CAPABILITIES) != 0)
			rc = compare_value(a, old_fd, new_fd, name, &len);
	return rc;
}

/*
 * Removes attributes that the new file has and the old one has not, such as the ACL that its folder gave
 * it.
 */
static int take_extra(struct attributes *a, int new_fd)
{
	const char *name;

	for (name = a->new_names; name < a->new_names + a->new_len; name += strlen(name) + 1) {
		if (has(a->old_names, a->old_len, name))
			continue;
		if (!can_be_given(name))
			return -EPERM;
		if (fremovexattr(new_fd, name) != 0)
			return -errno;
	}
	return 0;
}

static int give_missing(struct attributes *a, int old_fd, int new_fd)
{
	const char *name;
	size_t len = 0;
	int rc;

	for (name = a->old_names; name < a->old_names + a->old_len; name += strlen(name) + 1) {
		if (strcmp(name, CAPABILITIES) == 0)
			continue;
		rc = compare_value(a, old_fd, new_fd, name, &len);
		if (rc < 0)
			return rc;
		if (rc == 1 && !can_be_given(name))
			return -EPERM;
		if (rc == 1 && fsetxattr(new_fd, name, a->old_value, len, 0) != 0)
			return -errno;
	}
	return 0;
}

static int give_owner(const struct stat *old, const struct stat *new, int new_fd)
{
	if (old->st_uid == new->st_uid && old->st_gid == new->st_gid)
		return 0;
	/* Where the owner is known, the number may be another owner's. */
	if ((old->st_uid != new->st_uid && old->st_uid == NOBODY_KNOWN) ||
		(old->st_gid != new->st_gid && old->st_gid == NOBODY_KNOWN))
		return -EOVERFLOW;
	return fchown(new_fd, old->st_uid, old->st_gid) != 0 ? -errno : 0;
}

/* Compares the flags of chattr(1), and the project. A file system without them has none for both files. */
static bool same_flags(int old_fd, int new_fd)
{
	unsigned int old = 0, new = 0;
	struct fsxattr old_x = { 0 }, new_x = { 0 };

	if ((ioctl(old_fd, FS_IOC_GETFLAGS, &old) == 0) !=
		(ioctl(new_fd, FS_IOC_GETFLAGS, &new) == 0))
		return false;
	if ((ioctl(old_fd, FS_IOC_FSGETXATTR, &old_x) == 0) !=
		(ioctl(new_fd, FS_IOC_FSGETXATTR, &new_x) == 0))
		return false;
	return ((old ^ new) & ~(unsigned int)STORAGE_FLAGS) == 0 &&
	       ((old_x.fsx_xflags ^ new_x.fsx_xflags) & ~(uint32_t)STORAGE_XFLAGS) == 0 &&
	       old_x.fsx_projid == new_x.fsx_projid && old_x.fsx_extsize == new_x.fsx_extsize &&
	       old_x.fsx_cowextsize == new_x.fsx_cowextsize;
}

/* Compares two files. @return 0 if they are alike; 1 if they are not; -errno. */
static int compare(struct attributes *a, int old_fd, int new_fd)
{
	struct stat old, new;

	if (fstat(old_fd, &old) != 0 || fstat(new_fd, &new) != 0)
		return -errno;
	if (old.st_uid != new.st_uid || old.st_gid != new.st_gid || old.st_mode != new.st_mode ||
		!same_flags(old_fd, new_fd))
		return 1;
	return compare_attributes(a, old_fd, new_fd);
}

/*
 * Makes the new file like the old one. Permissions are set last, and nobody else has any before: a change
 * of the owner, or an ACL less, would otherwise give them to others for a moment. An owner who stays needs
 * some permissions, to set attributes of the user's (xattr(7)). The ACL brings its own permissions.
 */
static int give(struct attributes *a, int old_fd, int new_fd)
{
	struct stat old, new;
	int rc;

	if (fstat(old_fd, &old) != 0 || fstat(new_fd, &new) != 0 ||
		fchmod(new_fd, old.st_uid == new.st_uid ? 0600 : 0) != 0)
		return -errno;
	rc = give_owner(&old, &new, new_fd);
	if (rc == 0)
		rc = list_both(a, old_fd, new_fd);
	if (rc == 0)
		rc = take_extra(a, new_fd);
	if (rc == 0)
		rc = give_missing(a, old_fd, new_fd);
	if (rc == 0 && fchmod(new_fd, old.st_mode & 0777) != 0)
		rc = -errno;
	if (rc == 0)
		rc = compare(a, old_fd, new_fd);
	return rc > 0 ? -EPERM : rc;
}

int svart_copy_inode_adopt(int old_fd, int new_fd)
{
	struct attributes *a = malloc(sizeof(*a));
	int rc;

	if (a == NULL)
		return -ENOMEM;
	rc = compare(a, old_fd, new_fd);
	if (rc > 0)
		rc = give(a, old_fd, new_fd);
	free(a);
	return rc;
}
