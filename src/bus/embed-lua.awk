# Makes a C file of the Lua scripts given as arguments (any awk): for each NAME.lua the symbol
# bus_script_source_NAME, holding base.lua, lib.lua (unless NAME.lua begins with "-- base only") and
# NAME.lua. base.lua and lib.lua get no symbol of their own.
# bus/scripts.c lists the names it wants; one without a file does not link.

FNR == 1 {
    name = FILENAME
    sub(/.*\//, "", name)
    sub(/\.lua$/, "", name)
    if (name != "base" && name != "lib") {
        names[++count] = name
        base_only[name] = $0 == "-- base only"
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
        shared = text["base"] (base_only[names[i]] ? "" : text["lib"])
        printf "\nextern %s;\n%s =\n%s%s    \"\";\n", symbol, symbol, shared, text[names[i]]
    }
}
