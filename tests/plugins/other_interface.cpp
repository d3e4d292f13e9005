// As if it had been built with the headers of another version.
#include "actors/plugin.hpp"

#undef GREENROOM_INTERFACE
#undef GREENROOM_INTERFACE_VERSION
#define GREENROOM_INTERFACE "0123456789ab"
#define GREENROOM_INTERFACE_VERSION "9.9.9"

GREENROOM_PLUGIN("other", "1.0") {}
