/* "did you mean": how far two words are apart. Pure. */
#ifndef AGENT_SUGGEST_H
#define AGENT_SUGGEST_H

enum { SUGGEST_FAR = 3 }; /* from here on a word is no suggestion */

/* Number of letters to insert, remove, replace or swap, case ignored; SUGGEST_FAR when that many or
 * more, when either word is longer than 63 bytes, or when nothing of the word would be left. */
unsigned suggest_distance(const char *a, const char *b);

#endif
