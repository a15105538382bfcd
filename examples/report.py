"""A report with two figures and a table, from a CSV file: SMTP_URL=smtp://you:password@smtp.example.com"""

import os

import pandas

import rsmtp

sales = pandas.read_csv("sales.csv", index_col="month")
pictures = {"months": sales.plot(), "sums": sales.sum().to_frame("sum").plot.bar()}
shown = '<img src="cid:months" alt="Sales by month"> <img src="cid:sums" alt="Sales by region">'
report = rsmtp.Message("auto", html=f"<h1>Sales</h1> {sales.to_html()} {shown}", inline=pictures)
report["Subject"], report["From"], report["To"] = "Sales", "ann@example.org", "bob@example.org"
rsmtp.send(report, os.environ["SMTP_URL"])
