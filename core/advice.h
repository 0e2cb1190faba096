/* What a person can do about what the system said, where its words do not say so themselves. */
#ifndef STRATA_CORE_ADVICE_H
#define STRATA_CORE_ADVICE_H

/* To be put behind a message that tells of a full disk, a read-only file system, an error of the disk or too little
 * memory: "; make room on …". "" for any other, and for one that has it already. */
const char *advice_for(const char *message);

#endif
