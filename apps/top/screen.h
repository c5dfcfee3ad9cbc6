/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TOP_SCREEN_H
#define SVART_TOP_SCREEN_H

/**
 * @file
 * The terminal: plain ANSI sequences, as every terminal has them today (ECMA-48; the alternate screen is
 * xterm's, DECSET 1049).
 */

#include <stdbool.h>
#include <termios.h>

/**
 * The terminal in use.
 *
 * Owner: main(). Lifetime: enter to leave, several times. Locks: none.
 */
struct top_screen {
	bool on;            /**< svart-top has the screen. */
	bool keys;          /**< Standard input is the terminal: keys come at once, unseen. */
	struct termios old; /**< Old settings, valid if keys is set. */
	int columns, rows;
};

/** Tells whether standard output is a terminal that can be drawn on. */
bool svart_top_screen_possible(void);
/** Takes the screen. The shell's text is kept. */
void svart_top_screen_enter(struct top_screen *screen);
/** Gives the screen back as it was. Does nothing unless svart-top has it. */
void svart_top_screen_leave(struct top_screen *screen);
/** Finds out the size of the screen. */
void svart_top_screen_measure(struct top_screen *screen);
/** Draws text in which lines end with "\033[K\r\n", at once. @return 0 or -errno. */
int svart_top_screen_draw(const char *text);

#endif
