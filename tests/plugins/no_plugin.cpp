// A shared library that has nothing to do with Greenroom.
extern "C" int answer();
extern "C" __attribute__((visibility("default"))) int answer() { return 42; }
