# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the svart authors
"""Which programs a script calls. Of the shells' grammar this knows what the tree's scripts use."""

import ast
import pathlib
import re

EXPANDED = "\0"  # Stands in a word for what only the running shell knows.

OPENERS = {"if", "then", "elif", "else", "while", "until", "do", "!", "time", "{"}
CLOSERS = {"fi", "done", "esac", "}"}

# Commands that run another one, and how many arguments of their own are before it; the scripts' own too.
WRAPPERS = {
    "exec": 0, "command": 0, "nice": 0, "env": 0, "setarch": 0, "setpriv": 0, "unshare": 0, "xargs": 0,
    "timeout": 1, "chroot": 1, "flock": 1,
    "quietly": 1, "watched": 2, "logged": 2, "apt_with": 0, "namespaces": 0, "steady_layout": 0,
}  # fmt: skip
WITH_VALUE = {("nice", "-n"), ("timeout", "-k"), ("setpriv", "--pdeathsig"), ("xargs", "-d")}

ASSIGNMENT = re.compile(r"[A-Za-z_]\w*(\[[^]]*\])?\+?=")


class ShellScript:
    """The programs that a shell script calls, and the functions that it defines."""

    def __init__(self, text: str):
        self.text = text
        self.at = 0
        self.called = set()
        self.functions = set()
        self.here_documents = []
        self._commands("")

    # --- characters -----------------------------------------------------------------------------

    def _sees(self, what: str) -> bool:
        return self.text.startswith(what, self.at)

    def _takes(self, what: str) -> bool:
        if self._sees(what):
            self.at += len(what)
            return True
        return False

    def _match(self, pattern: str) -> str:
        """Takes what matches here, maybe nothing."""
        found = re.compile(pattern).match(self.text, self.at)
        self.at = found.end() if found else self.at
        return found[0] if found else ""

    def _until(self, end: str) -> None:
        """Takes all up to an end, and it; looks into quotes and expansions on the way."""
        while not self._takes(end):
            if self.at >= len(self.text):
                raise ValueError(f"no {end!r} in a shell script")
            self._piece()

    def _piece(self) -> str:
        """Takes a character, quotes or an expansion. Returns what it stands for."""
        char = self.text[self.at]
        self.at += 1
        if char == "\\":
            self.at += 1
            return self.text[self.at - 1]
        if char == "'":
            begin = self.at
            self.at = self.text.index("'", begin) + 1
            return self.text[begin : self.at - 1]
        if char == '"':
            return self._double_quotes()
        if char == "$":
            return self._expansion()
        return char

    def _double_quotes(self) -> str:
        out = ""
        while not self._takes('"'):
            if self._sees("'"):
                self.at += 1
                out += "'"
            else:
                out += self._piece()
        return out

    def _expansion(self) -> str:
        if self._takes("(("):
            self._arithmetic()
        elif self._takes("("):
            self._commands(")")
        elif self._takes("{"):
            self._until("}")
        elif self._takes("'"):
            self._match(r"(?:[^'\\]|\\.)*'")
        elif not self._match(r"\w+|[@*#?$!-]"):
            return "$"
        return EXPANDED

    def _arithmetic(self) -> None:
        depth = 2
        while depth > 0:
            piece = self._piece()
            depth += (piece == "(") - (piece == ")")

    # --- words and commands ---------------------------------------------------------------------

    def _word(self) -> str:
        word = ""
        while self.at < len(self.text):
            if ASSIGNMENT.fullmatch(word) and self._takes("("):
                self._array()
            elif self.text[self.at] in " \t\n;|&()<>":
                break
            else:
                word += self._piece()
        return word

    def _array(self) -> None:
        while True:
            self._match(r"(?:\s|#.*|\\\n)*")
            if self._takes(")"):
                return
            if not self._word():
                raise ValueError("an array that this does not know: " + self.text[self.at :][:40])

    def _redirection(self) -> None:
        if self._takes("<<<"):
            pass
        elif self._match(r"<<-?"):
            self._match(r"[ \t]*")
            self.here_documents.append(self._word())
            return
        elif self._match(r"[<>]\("):
            self._commands(")")
            return
        else:
            self._match(r"&?[<>]+[&|]?")
        self._match(r"[ \t]*")
        self._word()

    def _newline(self) -> None:
        self.at += 1
        for end in self.here_documents:
            # Expansions in it are looked at, where it has them.
            stop = re.compile(rf"^\t*{re.escape(end)}$", re.M).search(self.text, self.at)
            while self.at < stop.start():
                if self._takes("$"):
                    self._expansion()
                else:
                    self.at += 1
            self.at = stop.end()
        self.here_documents = []

    def _commands(self, end: str) -> None:
        """Takes commands up to an end: ")" or that of the text."""
        words, first, cases = [], True, 0  # The command so far; whether one may begin here.
        while True:
            self._match(r"(?:[ \t]|\\\n)*")
            if self.at >= len(self.text) or (end and self._sees(end)):
                self._call(words)
                self.at += len(end)
                return
            if self._sees("#"):
                self._match(r".*")
            elif self._sees("\n"):
                self._newline()
                self._call(words)
                words, first = [], True
            elif separator := self._match(r";;|&&|\|\||;|\|&?|&(?!>)"):
                self._call(words)
                words, first = [], True
                if separator == ";;":
                    cases -= self._pattern()
            elif self._match(r"\(\)"):
                self.functions.add(words.pop())
                first = True
            elif first and self._takes("(("):
                self._arithmetic()
                first = False
            elif self._takes("("):
                self._commands(")")
                first = False
            elif self._sees("<") or self._sees(">") or self._sees("&>"):
                self._redirection()
            else:
                begin, word = self.at, self._word()
                if self.at == begin:
                    raise ValueError("shell that this does not know: " + self.text[begin:][:40])
                if word.isdigit() and self.text[self.at : self.at + 1] in ("<", ">"):
                    continue
                if not first:
                    words.append(word)
                elif word == "case":
                    self._match(r"[ \t]*")
                    self._word()
                    self._match(r"\s+in\b")
                    cases += 1 - self._pattern()
                elif word == "[[":
                    self._until("]]")
                    first = False
                elif word in ("for", "select"):
                    self._match(r"[ \t]+\w+")
                    first = self._sees(" ((")
                    words = [] if first else [EXPANDED]
                elif word in CLOSERS:
                    first = False
                elif ASSIGNMENT.match(word):
                    self.called |= set(re.findall(r"^(?:CC|CXX)=(\S+)", word))
                elif word not in OPENERS:
                    words.append(word)
                    first = False

    def _pattern(self) -> int:
        """Takes a case's next pattern. Returns 1 at its esac, which is taken too."""
        self._match(r"(?:\s|#.*)*")
        if self._match(r"esac\b"):
            return 1
        self._until(")")
        return 0

    def _call(self, words: list) -> None:
        """A command's words: notes its program, and those that it starts in turn."""
        if not words or EXPANDED in words[0]:
            return
        self.called.add(words[0])
        if words[0] == "find" and "-exec" in words:
            self._call(words[words.index("-exec") + 1 :])
        if words[0] not in WRAPPERS:
            return
        rest, own = words[1:], WRAPPERS[words[0]]
        while rest:
            if (words[0], rest[0]) in WITH_VALUE:
                rest = rest[1:]
            elif not self._is_setting(words[0], rest[0]):
                if own == 0:
                    break
                own -= 1
            rest = rest[1:]
        self._call(rest)

    @staticmethod
    def _is_setting(wrapper: str, word: str) -> bool:
        """An option or a variable; those of env may come from an array."""
        return word.startswith("-") or bool(ASSIGNMENT.match(word)) or (wrapper, word) == ("env", EXPANDED)


def called_by_python(text: str) -> set:
    """The programs that a Python script starts by subprocess, or looks for by shutil."""
    called = set()
    for node in ast.walk(ast.parse(text)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
            continue
        if getattr(node.func.value, "id", "") not in ("subprocess", "shutil"):
            continue
        program = node.args[0].elts[0] if isinstance(node.args[0], ast.List) else node.args[0]
        if isinstance(program, ast.Constant) and isinstance(program.value, str):
            called.add(program.value)
    return called


def shell_of(path: pathlib.Path) -> str:
    """ "sh" or "python" for a script, by its first line or its name, else ""."""
    if path.suffix == ".sh":
        return "sh"
    if path.suffix == ".py":
        return "python"
    with open(path, "rb") as file:
        first = file.readline(80)
    found = re.fullmatch(rb"#!.*\b(bash|sh|python3)\n", first)
    return {None: "", b"python3": "python"}.get(found and found[1], "sh")
