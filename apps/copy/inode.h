/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_COPY_INODE_H
#define SVART_COPY_INODE_H

/**
 * @file
 * Copies what an inode has beside its contents to another one.
 */

/**
 * Makes a new file like an old one: owner, group, permissions, ACL and the user's extended attributes.
 * The other things that an inode may have are only compared: attributes of the kernel's (security labels,
 * trusted ones), of the file system itself, flags of chattr(1), and the project of a quota. Then both are
 * the same in everything except contents, times and what only the kernel sees.
 *
 * File capabilities (security.capability) are left out: a write removes them from a file, too.
 *
 * At every moment, what anybody may do to the new file was allowed for the old one, or for the new one
 * before.
 *
 * @param old_fd a regular file, opened to be read.
 * @param new_fd a regular file of the same file system, made by the caller.
 * @return 0 if they are alike. -errno, not told, if the new one cannot be made so: it is as it was then, or
 *         has fewer permissions.
 */
int svart_copy_inode_adopt(int old_fd, int new_fd);

#endif
