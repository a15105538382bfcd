"""Sends invoices with their PDFs to the customers in a CSV file. RSMTP_URL names the server."""

import rsmtp

invoice = rsmtp.Template(
    "Dear {{ name }}, ...", subject="Invoice {{ id }}", attachments="invoices/{{ id }}.pdf"
)
letters = rsmtp.merge(invoice, "customers.csv", from_="shop@example.com", to="{{ name }} <{{ email }}>")
with rsmtp.Mailer() as mailer:
    print(mailer.send_all(letters))
