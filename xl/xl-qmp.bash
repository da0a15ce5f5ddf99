# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# bash completion for xl-qmp. Commands and options are those of its --help,
# domains those of xl list.

# The paragraph of command $1, or with none that of the common options.
_xl_qmp_help() {
    "${COMP_WORDS[0]}" --help 2>/dev/null | awk -v command="$1" '
        /^  [a-z]/ { here = $1 == command }
        /^[A-Z]/ { here = 0 }
        /^  -/ { here = command == "" }
        here'
}

_xl_qmp() {
    local current=${COMP_WORDS[COMP_CWORD]} command='' named=0 i words=''

    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        -t|--timeout) i=$((i + 1)) ;;
        -*) ;;
        *) if [ -z "$command" ]; then
               command=${COMP_WORDS[i]}
           else
               named=$((named + 1))
           fi ;;
        esac
    done
    COMPREPLY=()
    [ "$i" = "$COMP_CWORD" ] || return 0        # the value of -t
    if [[ $current == -* ]]; then
        words=$(_xl_qmp_help "$command" |
            grep -oE '(^|[[ ,])-{1,2}[A-Za-z][a-z-]*=?' | grep -oE -e '-.*')
    elif [ -z "$command" ]; then
        words=$("${COMP_WORDS[0]}" --help 2>/dev/null |
            sed -n 's/^  \([a-z][a-z]*\) .*/\1/p')
    elif [ "$named" = 0 ] && _xl_qmp_help "$command" | grep -qw DOMAIN; then
        words=$(xl list 2>/dev/null | awk 'NR > 1 { print $1 }')
    else
        # Files: create's and batch's.
        return 0
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
    case ${COMPREPLY[0]} in *=) compopt -o nospace 2>/dev/null ;; esac
    return 0
}

complete -o default -F _xl_qmp xl-qmp
