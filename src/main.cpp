// hangspy: parse, run, print, exit.
#include <cstdio>
#include <exception>

#include "cli/command.hpp"

int main(int argc, char** argv) {
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
