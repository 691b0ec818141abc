// hangspy: parse, run, print, exit.
#include <malloc.h>

#include <cstdio>
#include <exception>

#include "cli/command.hpp"

namespace {

// What one reading gives back the next one takes again: kept, it costs no page faults.
void keep_freed_memory() {
  ::mallopt(M_MMAP_THRESHOLD, 1 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 64 << 20);
}

}  // namespace

int main(int argc, char** argv) {
  keep_freed_memory();
  try {
    const auto parsed = hangspy::cli::parse(argc, argv);
    return parsed.command ? hangspy::cli::run(*parsed.command) : parsed.exit_code;
  } catch (const std::exception& bug) {
    std::fprintf(stderr,
                 "error: a bug in hangspy: %s\n"
                 "help: please report it, with the command line and what -vv prints\n",
                 hangspy::to_line(hangspy::Text::of_target(bug.what())).c_str());
    return hangspy::cli::kBug;
  }
}
