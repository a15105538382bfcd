"""A report from a template: two figures, and a table that is also attached as a spreadsheet."""

import pandas

import rsmtp

sales = pandas.read_csv("sales.csv")
plots = {name: sales.plot(x="region", y=name).figure for name in ("sales", "costs")}
page = "<h1>Sales</h1>{{ t }}<img src='cid:sales' alt='Sales'><img src='cid:costs' alt='Costs'>"
report = rsmtp.Template("auto", html=page, inline=plots, attachments=("sales.xlsx", sales))
with rsmtp.Mailer() as mailer:
    mailer.send(report.message({"t": sales}, subject="Sales", from_="a@example.com", to="b@example.org"))
