/** Whom a page lets in: teachers only, or all who have an account. */
export type Who = 'teacher' | 'anyone';
