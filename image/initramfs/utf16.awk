# A text in UTF-16, as an editor of Windows may leave it, in UTF-8:
#
#     od -A n -v -t u1 FILE | LC_ALL=C awk -f utf16.awk
#
# Ends with 1 where appliance/settings/load.py takes such a file for no text: half a character, or a zero.

# One character, by its number (RFC 3629, section 3).
function put(number) {
    if (number < 128) printf "%c", number
    else if (number < 2048) printf "%c%c", 192 + int(number / 64), 128 + number % 64
    else if (number < 65536) printf "%c%c%c", 224 + int(number / 4096), 128 + int(number / 64) % 64, 128 + number % 64
    else
        printf "%c%c%c%c", 240 + int(number / 262144), 128 + int(number / 4096) % 64, \
            128 + int(number / 64) % 64, 128 + number % 64
}

{ for (i = 1; i <= NF; i++) byte[size++] = $i }

END {
    if (size % 2) exit 1
    # By the mark at its beginning: 254 255, or 255 254.
    big = byte[0] == 254
    for (at = 2; at < size; at += 2) {
        unit = big ? byte[at] * 256 + byte[at + 1] : byte[at] + byte[at + 1] * 256
        if (unit == 0) exit 1
        low = unit >= 56320 && unit <= 57343
        # The second half of a character beyond the first 65536 comes after a first half, and nowhere else.
        if (low != (first > 0)) exit 1
        if (low) {
            put(65536 + (first - 55296) * 1024 + unit - 56320)
            first = 0
        } else if (unit >= 55296 && unit <= 56319) first = unit
        else put(unit)
    }
    if (first) exit 1
}
