// record_image PID FILE: writes the memory image of a worker that lies still.
#include <cstdlib>
#include <iostream>

#include "image.hpp"

int main(int count, char** words) {
  if (count != 3) {
    std::cerr << "usage: record_image PID FILE\n";
    return 2;
  }
  const auto image = hangspy::images::Image::record(std::atoi(words[1]));
  const auto saved = image ? (*image)->save(words[2]) : tl::unexpected(image.error());
  if (saved) return 0;
  std::cerr << "record_image: " << saved.error().what << "\n";
  return 1;
}
