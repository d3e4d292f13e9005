// How many times as long as usual to wait for what must happen: 1, or GREENROOM_TEST_PATIENCE where a sanitizer makes a node
// slow (tests/CMakeLists.txt). tests/support/patience.hpp reads the same.
export const patience = Math.min(100, Math.max(1, Number(process.env.GREENROOM_TEST_PATIENCE) || 1));
