"""Prints ../width_tables.cpp from the Unicode data of the Python that runs it.

    python3 width_tables.py > ../width_tables.cpp

Wide: East Asian Width W or F, and the two planes that are wide as a whole. Marks: what is drawn
over the character before it: categories Mn and Me, and the Hangul vowels and finals that join the
consonant before them.
"""

import sys
import unicodedata

JOINING_JAMO = (range(0x1161, 0x1200), range(0xD7B0, 0xD7FC))
WIDE_PLANES = (range(0x20000, 0x2FFFE), range(0x30000, 0x3FFFE))


def is_wide(point):
    assigned = unicodedata.category(chr(point)) != "Cn"
    return any(point in plane for plane in WIDE_PLANES) or (
        assigned and unicodedata.east_asian_width(chr(point)) in "WF" and not is_mark(point)
    )


def is_mark(point):
    return unicodedata.category(chr(point)) in ("Mn", "Me") or any(
        point in jamo for jamo in JOINING_JAMO
    )


def ranges(has_property):
    found = []
    for point in range(sys.maxunicode + 1):
        if not has_property(point):
            continue
        if found and found[-1][1] == point - 1:
            found[-1][1] = point
        else:
            found.append([point, point])
    return found


def table(name, has_property):
    found = ranges(has_property)
    print(f"constexpr std::array<Range, {len(found)}> {name}{{{{")
    cells = [f"{{0x{first:x}, 0x{last:x}}}" for first, last in found]
    for start in range(0, len(cells), 4):
        print("    " + ", ".join(cells[start : start + 4]) + ",")
    print("}};\n")


print(f"// Unicode {unicodedata.unidata_version}. Do not edit; printed by generator/width_tables.py.")
print('#include "text/width_tables.hpp"\n')
print("#include <array>\n\n// clang-format off")
print("namespace hangspy::text {\nnamespace {\n")
table("kWide", is_wide)
table("kMarks", is_mark)
print("}  // namespace\n")
print("std::span<const Range> wide_ranges() { return kWide; }")
print("std::span<const Range> mark_ranges() { return kMarks; }\n")
print("}  // namespace hangspy::text")
