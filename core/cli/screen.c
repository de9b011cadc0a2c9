/* SPDX-License-Identifier: GPL-2.0-only */
#include "cli/screen.h"

#include "base/vec.h"

#include <ncurses.h>
#include <signal.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

static SCREEN *screen;
static struct termios before;	/* of the terminal, for a crash */
static int top;			/* the first line that is shown */

/* What endwin() does cannot be done in a signal handler; this can. */
static void crashed(int number)
{
	static const char leave[] = "\033[?1049l\033[?25h\033[0m\r\n";

	if (write(STDOUT_FILENO, leave, sizeof(leave) - 1) > 0)
		tcsetattr(STDIN_FILENO, TCSANOW, &before);
	raise(number);
}

static void catch_crashes(void)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };
	struct sigaction action = { .sa_handler = crashed, .sa_flags = (int)SA_RESETHAND | SA_NODEFER };

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &action, NULL);
}

int ktstr_screen_open(struct ktstr_err *err)
{
	tcgetattr(STDIN_FILENO, &before);
	screen = newterm(NULL, stdout, stdin);
	if (!screen)
		return ktstr_err_set(err, -ENOTTY, "this terminal (TERM=%s) can show no screen; --json "
				     "needs none", getenv("TERM") ? getenv("TERM") : "");
	set_term(screen);
	catch_crashes();
	cbreak();
	noecho();
	nodelay(stdscr, TRUE);
	keypad(stdscr, TRUE);
	curs_set(0);
	if (has_colors() && start_color() == OK) {
		use_default_colors();
		init_pair(1, COLOR_RED, -1);
	}
	return 0;
}

void ktstr_screen_close(void)
{
	if (!screen)
		return;
	endwin();
	delscreen(screen);
	screen = NULL;
}

struct painter {
	int line;		/* of the view */
};

static void paint_line(void *ctx, const char *text, bool bold, bool alarm)
{
	struct painter *p = ctx;
	int row = p->line++ - top, rows = getmaxy(stdscr), columns = getmaxx(stdscr);
	attr_t attr = (bold ? A_BOLD : 0) | (alarm ? A_BOLD | (attr_t)COLOR_PAIR(1) : 0);

	if (row < 0 || row >= rows - 1)
		return;
	attron(attr);
	mvaddnstr(row, 0, text, columns);
	attroff(attr);
}

void ktstr_screen_paint(struct ktstr_view *view, const char *footer)
{
	struct painter p = { 0 };
	int rows = getmaxy(stdscr), most;

	erase();
	ktstr_view_lines(view, paint_line, &p);
	most = p.line > rows - 1 ? p.line - (rows - 1) : 0;
	if (top > most) {	/* there is less to see than there was */
		top = most;
		ktstr_screen_paint(view, footer);
		return;
	}
	attron(A_REVERSE);
	mvaddnstr(rows - 1, 0, footer, getmaxx(stdscr));
	attroff(A_REVERSE);
	refresh();
}

bool ktstr_screen_keys(void)
{
	int page = getmaxy(stdscr) - 2, key;

	while ((key = getch()) != ERR) {
		switch (key) {
		case 'q': case 'Q': case 27: return false;
		case KEY_DOWN: case 'j': top++; break;
		case KEY_UP: case 'k': top--; break;
		case KEY_NPAGE: case ' ': top += page; break;
		case KEY_PPAGE: top -= page; break;
		case KEY_HOME: top = 0; break;
		case KEY_END: top = 1 << 20; break;
		default: break;		/* KEY_RESIZE: what is painted next has the new size */
		}
		top = top < 0 ? 0 : top;
	}
	return true;
}
