/** What is remembered at most for a reader that does not read, whichever way it is sent. */
export const maxUnreadBytes = 1024 * 1024;

/** How long a reader to whom the log is read may take nothing of it. */
export const stallMs = 15_000;
