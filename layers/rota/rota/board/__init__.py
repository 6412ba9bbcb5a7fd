"""The board: a page that shows what is live, what runs when and what went wrong. Pure, but for `serve`.

`model` is what a page shows, in words that are ready; `drawing` its pictures, `pages` its HTML, `answer` what is
answered to a request, and to whom. What is shown is gathered by `rota.cli.board`.
"""
