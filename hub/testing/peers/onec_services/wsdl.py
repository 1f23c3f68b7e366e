"""The description of a web service as 1C writes it: wrapped document/literal, two bindings, an XDTO package of its own.

The address in it is that of a host inside the office, as it stands in descriptions that are read from outside.
"""

from __future__ import annotations

EXCHANGE_SPACE = "http://www.example.org/exchange"
ROWS_SPACE = "http://www.example.org/exchange/rows"

_TYPES = f"""
 <xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="{ROWS_SPACE}" elementFormDefault="qualified">
  <xs:complexType name="Act"><xs:sequence>
   <xs:element name="Id" type="xs:string"/>
   <xs:element name="Number" type="xs:string"/>
   <xs:element name="Date" type="xs:date"/>
   <xs:element name="Total" type="xs:decimal" nillable="true"/>
   <xs:element name="Client" type="xs:string" nillable="true"/>
   <xs:element name="Note" type="xs:string" minOccurs="0"/>
   <xs:element name="Changed" type="xs:dateTime"/>
   <xs:element name="Deleted" type="xs:boolean"/>
  </xs:sequence></xs:complexType>
  <xs:complexType name="Acts"><xs:sequence>
   <xs:element name="Act" type="tns:Act" minOccurs="0" maxOccurs="unbounded" xmlns:tns="{ROWS_SPACE}"/>
  </xs:sequence></xs:complexType>
  <xs:complexType name="Filter"><xs:sequence>
   <xs:element name="Since" type="xs:dateTime" nillable="true"/>
   <xs:element name="OnlyPosted" type="xs:boolean" minOccurs="0"/>
  </xs:sequence></xs:complexType>
 </xs:schema>
 <xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:rows="{ROWS_SPACE}"
   targetNamespace="{EXCHANGE_SPACE}" elementFormDefault="qualified">
  <xs:import namespace="{ROWS_SPACE}"/>
  <xs:element name="GetActs"><xs:complexType><xs:sequence>
   <xs:element name="Since" type="xs:dateTime" nillable="true"/>
   <xs:element name="Offset" type="xs:integer"/>
   <xs:element name="Limit" type="xs:integer"/>
  </xs:sequence></xs:complexType></xs:element>
  <xs:element name="GetActsResponse"><xs:complexType><xs:sequence>
   <xs:element name="return" type="rows:Acts" nillable="true"/>
   <xs:element name="Message" type="xs:string" nillable="true"/>
  </xs:sequence></xs:complexType></xs:element>
  <xs:element name="FindActs"><xs:complexType><xs:sequence>
   <xs:element name="Filter" type="rows:Filter"/>
  </xs:sequence></xs:complexType></xs:element>
  <xs:element name="FindActsResponse"><xs:complexType><xs:sequence>
   <xs:element name="return" type="rows:Acts" nillable="true"/>
  </xs:sequence></xs:complexType></xs:element>
  <xs:element name="GetText"><xs:complexType><xs:sequence>
   <xs:element name="Since" type="xs:string" nillable="true"/>
  </xs:sequence></xs:complexType></xs:element>
  <xs:element name="GetTextResponse"><xs:complexType><xs:sequence>
   <xs:element name="return" type="xs:string" nillable="true"/>
  </xs:sequence></xs:complexType></xs:element>
 </xs:schema>"""

OPERATIONS = ("GetActs", "FindActs", "GetText")


def _messages() -> str:
    return "".join(
        f'<message name="{name}{way}Message"><part name="parameters" element="tns:{name}{element}"/></message>'
        for name in OPERATIONS
        for way, element in (("Request", ""), ("Response", "Response"))
    )


def _port_type() -> str:
    operations = "".join(
        f'<operation name="{name}"><input message="tns:{name}RequestMessage"/>'
        f'<output message="tns:{name}ResponseMessage"/></operation>'
        for name in OPERATIONS
    )
    return f'<portType name="ExchangePortType">{operations}</portType>'


def _binding(name: str, prefix: str) -> str:
    operations = "".join(
        f'<operation name="{it}"><{prefix}:operation style="document" soapAction="{EXCHANGE_SPACE}#Exchange:{it}"/>'
        f'<input><{prefix}:body use="literal"/></input><output><{prefix}:body use="literal"/></output></operation>'
        for it in OPERATIONS
    )
    return (
        f'<binding name="{name}" type="tns:ExchangePortType"><{prefix}:binding style="document" '
        f'transport="http://schemas.xmlsoap.org/soap/http"/>{operations}</binding>'
    )


EXCHANGE = f"""<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap12bind="http://schemas.xmlsoap.org/wsdl/soap12/"
 xmlns:soapbind="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:tns="{EXCHANGE_SPACE}"
 name="Exchange" targetNamespace="{EXCHANGE_SPACE}"><types>{_TYPES}</types>
{_messages()}{_port_type()}
{_binding("ExchangeSoapBinding", "soapbind")}{_binding("ExchangeSoap12Binding", "soap12bind")}
<service name="Exchange">
 <port name="ExchangeSoap" binding="tns:ExchangeSoapBinding">
  <soapbind:address location="http://srv-1c.office.local/base/ws/Exchange.1cws"/></port>
 <port name="ExchangeSoap12" binding="tns:ExchangeSoap12Binding">
  <soap12bind:address location="http://srv-1c.office.local/base/ws/Exchange.1cws"/></port>
</service></definitions>""".encode()
