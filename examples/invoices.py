"""Invoices with their PDFs, to the customers of a CSV file. RSMTP_URL says by which server."""

import rsmtp

invoice = rsmtp.Template(
    "Dear {{ name }}, ...", subject="Invoice {{ id }}", attachments="invoices/{{ id }}.pdf"
)
letters = rsmtp.merge(invoice, "customers.csv", from_="shop@example.com", to="{{ name }} <{{ email }}>")
with rsmtp.Mailer() as mailer:
    print(mailer.send_all(letters))
