/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "screen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define ENTER "\033[?1049h\033[?25l" /* The alternate screen, without a cursor. */
#define LEAVE "\033[?25h\033[?1049l"
#define HOME  "\033[H"
#define REST  "\033[K\033[J" /* Erases everything to the right of the text and below it. */

#define DEFAULT_COLUMNS 80
#define DEFAULT_ROWS    24

bool svart_top_screen_possible(void)
{
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && term != NULL && strcmp(term, "dumb") != 0;
}

static int put(const char *text)
{
	return fputs(text, stdout) < 0 || fflush(stdout) != 0 ? -errno : 0;
}

void svart_top_screen_measure(struct top_screen *screen)
{
	struct winsize size;

	screen->columns = DEFAULT_COLUMNS;
	screen->rows = DEFAULT_ROWS;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
		return;
	screen->columns = size.ws_col;
	screen->rows = size.ws_row;
}

void svart_top_screen_enter(struct top_screen *screen)
{
	struct termios raw;

	screen->keys = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &screen->old) == 0;
	if (screen->keys) {
		raw = screen->old;
		raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		raw.c_cc[VMIN] = 0;
		raw.c_cc[VTIME] = 0;
		tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	}
	screen->on = true;
	svart_top_screen_measure(screen);
	put(ENTER);
}

void svart_top_screen_leave(struct top_screen *screen)
{
	if (!screen->on)
		return;
	put(LEAVE);
	if (screen->keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &screen->old);
	screen->on = false;
}

int svart_top_screen_draw(const char *text)
{
	return fputs(HOME, stdout) < 0 || fputs(text, stdout) < 0 ? -errno : put(REST);
}
