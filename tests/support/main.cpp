// The main() of every test program; compiling Catch2's takes seconds, so it is done once.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
