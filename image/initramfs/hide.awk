# Copies of the owner's settings file without its secrets, for services that talk with the outside (docs/architecture.md).
#
#     awk -v public=FILE -v name=FILE -v places=FILE -f hide.awk NAMES SETTINGS
#
# NAMES has a kind and a dotted name a line (appliance/settings/secrets.py). `public` gets no secret; `name`, for the
# service of the home's name, those of [name] alone; `places`, where there are any, gets what relay.web_directory and
# certificate.authority_roots say, a line each. A line is left out unless it is understood as a header, or as settings that
# are no secret: so comments go, and misspelt names, and whatever lies around. Lines keep their numbers. What becomes of a
# mistake is what appliance/settings/salvage.py makes of it.

# As salvage.py: a line of more characters is never understood. Bytes, of which a character has four at most.
function longest() { return 4000 }

# Takes what the rest of the line begins with; `pattern` is anchored.
function take(pattern) {
    if (!match(rest, pattern)) return 0
    taken = substr(rest, 1, RLENGTH)
    rest = substr(rest, RLENGTH + 1)
    return 1
}

# A name of parts with dots between them, without quotation marks and blanks; empty when there is none.
function dotted(    found) {
    found = ""
    do {
        if (!take("^[ \t]*([A-Za-z0-9_-]+|\"[A-Za-z0-9_-]+\"|'[A-Za-z0-9_-]+')[ \t]*")) return ""
        gsub(/[ \t"']/, "", taken)
        found = found (found == "" ? "" : ".") taken
    } while (take("^[.]"))
    return found
}

# A text, a number, true or false: on one line, as it stands.
function scalar() {
    return take("^\"\"\"([^\"\\\\]|\\\\.)*\"\"\"") || take("^\"([^\"\\\\]|\\\\.)*\"") || \
        take("^'''[^']*'''") || take("^'[^']*'") || take("^[A-Za-z0-9_+.:-]+")
}

# Takes blanks, comments and ends of lines within a list, and moves `at`: whether something follows them.
function gap() {
    while (take("^[ \t]+") || rest == "" || rest ~ /^#/) {
        if (rest != "" && rest !~ /^#/) continue
        # Nobody writes a list over so many lines, and each costs as much as all before it.
        if (at == lines || at - first > 500 || length(line[at + 1]) > longest()) return 0
        rest = line[++at]
        written = written "\n"
    }
    return 1
}

# A scalar, or a list of them; `taken` holds it, with line breaks where a list goes on. `at` is moved to its last line.
function value() {
    if (!take("^\\[")) return scalar()
    written = taken
    while (gap() && !take("^\\]")) {
        if (!scalar()) return 0
        written = written taken
        if (!gap()) return 0
        if (take("^,")) written = written ", "
        else if (rest !~ /^\]/) return 0
    }
    if (taken != "]") return 0
    taken = written "]"
    return 1
}

# Whether nothing follows but a comment.
function ended() { return rest ~ /^[ \t]*(#.*)?$/ }

# What is known of a name; asking kind[] itself would make the name known.
function is(full) { return full in kind ? kind[full] : "" }

# Adds a setting to what each reader gets of this statement. `key` is how it is written.
function give(full, key, text) {
    if (is(full) == "setting") for_all = for_all (for_all == "" ? "" : ", ") key " = " text
    if (is(full) == "setting" || full ~ /^name\./) for_name = for_name (for_name == "" ? "" : ", ") key " = " text
    if (!(full in told) && text !~ /\\/) {
        told[full] = text
        gsub(/^["']+|["']+$/, "", told[full])
    }
}

# The settings within { }, those of inner tables too: key = value with commas between them. Other names are left out.
function inside(prefix, before,    key) {
    if (!take("^\\{[ \t]*")) return 0
    if (take("^\\}")) return 1
    do {
        key = dotted()
        if (key == "" || !take("^=[ \t]*")) return 0
        if (rest ~ /^\{/) {
            if (!inside(prefix key ".", before key ".")) return 0
        } else {
            if (!value()) return 0
            if (is(prefix key) ~ /^se(tting|cret)$/) give(prefix key, before key, taken)
        }
        take("^[ \t]+")
    } while (take("^,"))
    return take("^\\}")
}

# The last line of the statement that begins here. What is to be seen of it is in all[] and own[].
function statement(here,    key, full) {
    rest = line[here]
    first = at = here
    if (length(rest) > longest()) return hide(here)
    if (rest ~ /^[ \t]*(#|$)/) return here
    if (take("^[ \t]*\\[")) {
        key = dotted()
        skipping = !(key != "" && is(key) == "section" && take("^\\]") && ended())
        if (skipping) return here
        section = key "."
        all[here] = own[here] = "[" key "]"
        return here
    }
    key = dotted()
    full = section key
    # Below a header that is none, or that nothing is known of, nothing is a setting.
    if (skipping || key == "" || is(full) == "" || !take("^=[ \t]*")) return hide(here)
    for_all = for_name = ""
    if (is(full) == "section") {
        if (rest ~ /^\{/) {
            if (!inside(full ".", "") || !ended()) return hide(here)
            spread(here, key " = { " for_all " }", all)
            spread(here, key " = { " for_name " }", own)
        } else {
            # A mistake that costs the whole section; what was written in its place may be a secret.
            if (!value() || !ended()) return hide(here)
            all[here] = own[here] = key " = 0"
        }
        return at
    }
    if (!value() || !ended()) return hide(here)
    give(full, key, taken)
    spread(here, for_all, all)
    spread(here, for_name, own)
    return at
}

# A statement's text, which may go on over lines, into what somebody sees.
function spread(here, text, seen,    parts, count, i) {
    count = split(text, parts, "\n")
    for (i = 1; i <= count; i++) seen[here + i - 1] = parts[i]
}

# The last line of a statement that nobody sees.
function hide(here,    text, mark, end, depth) {
    text = line[here]
    # A text of several lines goes with its last line, if it has one.
    # In the middle of an ordinary text the marks are none.
    if (match(text, /(=|\[|,)[ \t]*("""|''')/)) {
        mark = substr(text, RSTART + RLENGTH - 3, 3)
        gsub(/\\./, "", text)
        if (gsub(mark, "", text) % 2)
            for (end = here + 1; end <= lines; end++) if (index(line[end], mark)) return end
        return here
    }
    # So does a list, unless something else begins before its end.
    if (text ~ /^[ \t]*["'A-Za-z0-9_-][^]=[#]*=[ \t]*\[/) {
        depth = balance(text)
        for (end = here + 1; depth > 0 && end <= lines; end++) {
            if (line[end] ~ /^[ \t]*["'A-Za-z0-9_-][^]=[#]*=/) break
            depth += balance(line[end])
            if (depth <= 0) return end
        }
    }
    # A header that has lost its first bracket.
    if (text ~ /^[^=#]*\][ \t]*(#.*)?$/) skipping = 1
    return here
}

# How many brackets a line opens and does not close.
function balance(text) { return gsub(/\[/, "", text) - gsub(/\]/, "", text) }

FNR == NR {
    kind[$2] = $1
    next
}
{
    # Whatever ends a line for Python's splitlines() and cannot stand in a file without mistakes.
    sub(/\r$/, "")
    gsub(/[\r\013\014\034\035\036]/, "\n")
    count = split($0, parts, "\n")
    if (count == 0) line[++lines] = ""
    for (i = 1; i <= count; i++) line[++lines] = parts[i]
}
END {
    sub(/^\357\273\277/, "", line[1])
    for (n = 1; n <= lines; n++) n = statement(n)
    for (n = 1; n <= lines; n++) {
        print all[n] > public
        print own[n] > name
    }
    site = told["relay.web_directory"]
    roots = told["certificate.authority_roots"]
    if (site roots != "") print site "\n" roots > places
}
