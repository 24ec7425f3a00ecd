/** How a store process ends when another one holds its folder: no failure, the other one serves (EX_TEMPFAIL). */
export const EXIT_HELD = 75;
