# Makes a C file of the Lua scripts given as arguments (any awk): for each NAME.lua the symbol
# bus_script_source_NAME, holding what it uses of base.lua and lib.lua, directly or through what it uses, and
# NAME.lua itself. Those two, which must be among the arguments, get no symbol of their own.
# bus/scripts.c lists the names it wants; one without a file does not link.
#
# base.lua and lib.lua are cut into parts: one ends with the line that ends a `local` at the left margin (a function's
# `end`, a table's `}`, or a line of its own), and has the comment in front of it. What a part is called is used where its
# name stands as a word outside a comment.

function as_c(line) {
    gsub(/\\/, "&&", line)
    gsub(/"/, "\\\\&", line)
    gsub(/\?/, "\\\\&", line) # no trigraphs
    gsub(/\t/, "\\t", line)
    return "    \"" line "\\n\"\n"
}

# The line without a comment, its words between single blanks.
function words(line) {
    sub(/--.*/, "", line)
    gsub(/[^A-Za-z0-9_]+/, " ", line)
    return " " line " "
}

function part_name(line) {
    sub(/^local (function )?/, "", line)
    sub(/[^A-Za-z0-9_].*/, "", line)
    return line
}

FNR == 1 {
    name = FILENAME
    sub(/.*\//, "", name)
    sub(/\.lua$/, "", name)
    shared = name == "base" || name == "lib"
    if (!shared) names[++count] = name
}

!shared {
    text[name] = text[name] as_c($0)
    used[name] = used[name] words($0)
    next
}

# Parts of base.lua come first, whatever the order of the arguments.
{
    list = name == "base" ? "1" : "2"
    if (/^local /) {
        parts[list]++
        key = list ":" parts[list]
        called[key] = part_name($0)
        part[key] = comment
        comment = ""
        open = 1
    }
    if (!open) {
        comment = /^--/ ? comment as_c($0) : ""
        next
    }
    part[key] = part[key] as_c($0)
    needs[key] = needs[key] words($0)
}

open && (/^(end|\})/ || (/^local / && !/^local function/ && !/[{,=]$/)) { open = 0 }

END {
    print "/* Made from src/bus/lua by src/bus/embed-lua.awk. */"
    for (i = 1; i <= count; i++) {
        front = ""
        want = used[names[i]]
        for (list = 2; list >= 1; list--) {
            for (j = parts[list]; j >= 1; j--) {
                key = list ":" j
                if (index(want, " " called[key] " ")) {
                    front = part[key] front
                    want = want needs[key]
                }
            }
        }
        symbol = "const char bus_script_source_" names[i] "[]"
        printf "\nextern %s;\n%s =\n%s%s    \"\";\n", symbol, symbol, front, text[names[i]]
    }
}
