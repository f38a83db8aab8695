# Makes a C file of the Lua scripts given as arguments (any awk): for each NAME.lua the symbol
# bus_script_source_NAME, holding lib.lua followed by NAME.lua. lib.lua gets no symbol of its own.
# bus/scripts.c lists the names it wants; one without a file does not link.

FNR == 1 {
    name = FILENAME
    sub(/.*\//, "", name)
    sub(/\.lua$/, "", name)
    if (name != "lib") {
        names[++count] = name
    }
}

{
    line = $0
    gsub(/\\/, "&&", line)
    gsub(/"/, "\\\\&", line)
    gsub(/\?/, "\\\\&", line) # no trigraphs
    gsub(/\t/, "\\t", line)
    text[name] = text[name] "    \"" line "\\n\"\n"
}

END {
    print "/* Made from src/bus/lua by src/bus/embed-lua.awk. */"
    for (i = 1; i <= count; i++) {
        symbol = "const char bus_script_source_" names[i] "[]"
        printf "\nextern %s;\n%s =\n%s%s    \"\";\n", symbol, symbol, text["lib"], text[names[i]]
    }
}
