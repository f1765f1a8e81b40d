/*
 * Forced in front of QuickJS's own sources (see scripts/build-guest.sh).
 *
 * QuickJS switches its stack check off when `__wasi__` is defined, and deep
 * recursion then ends in a trap whose depth differs between machines. Without
 * the macro the check is there, and a script gets a RangeError it can catch.
 * The libc headers do need the macro, so all that QuickJS includes come first.
 */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fenv.h>
#include <float.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#undef __wasi__
